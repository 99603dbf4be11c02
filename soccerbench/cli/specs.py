"""`list`, `show`, `validate`: what can be run, and whether a user's own YAML can."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def list_tables(table: Annotated[str | None, typer.Argument(help="A table's name or YAML file.")] = None) -> None:
    """List the tables, or the rows of one.

    Examples: soccerbench list; soccerbench list table2
    """
    from soccerbench.report.specs import grid_of_rows, grid_of_tables
    from soccerbench.report.terminal import print_grid
    from soccerbench.specs import load_table, table_names

    print_grid(grid_of_tables(map(load_table, table_names())) if table is None else grid_of_rows(load_table(table)))


def show(
    table: Annotated[str, typer.Argument(help="A table's name or YAML file.")],
    row: Annotated[int, typer.Argument(help="The row's number.")],
    mini: Annotated[bool, typer.Option("--mini", help="As it runs on the embedded dataset.")] = False,
) -> None:
    """Show one row in full: what the paper states, what is assumed and why, what was published.

    Example: soccerbench show table2 8
    """
    from soccerbench.specs import SpecError, load_table
    from soccerbench.specs.dump import spec_text

    rows = {spec.row: spec for spec in load_table(table, mini=mini).rows}
    if row not in rows:
        raise SpecError(table, f"no row {row}; it has {', '.join(map(str, rows))}")
    typer.echo(spec_text(rows[row]), nl=False)
    typer.echo(f"digest: {rows[row].digest()}")


def validate(files: Annotated[list[Path], typer.Argument(help="YAML files.")]) -> None:
    """Check table files of your own; the first error names file, row and key.

    Example: soccerbench validate my_table.yaml
    """
    from soccerbench.specs import load_table

    for file in files:
        table = load_table(str(file) if file.suffix in (".yaml", ".yml") else f"{file}.yaml")
        typer.echo(f"{file}: {len(table.rows)} rows, all valid")
