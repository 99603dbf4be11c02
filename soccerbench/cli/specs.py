"""`list`, `show`, `validate`: the tables and rows, and checks of a user's YAML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from soccerbench.specs.spotting import Table
    from soccerbench.specs.video_models import ExtractorTable

EXTRACTORS = "extractors"
TABLE1 = "table1"
CLAIMS = "claims"


def list_tables(
    table: Annotated[
        str | None, typer.Argument(help="A table's name or YAML file, extractors for table1, or claims.")
    ] = None,
) -> None:
    """List the tables and figures, or the rows of a table.

    Examples: soccerbench list; soccerbench list table2; soccerbench list extractors
    """
    from soccerbench.report.console import print_table

    if table is None:
        from soccerbench.report.tables.names import table_of_tables

        print_table(table_of_tables())
        return
    from soccerbench.report.tables.claims import table_of_claims
    from soccerbench.report.tables.specs import accuracies, table_of_extractors, table_of_rows
    from soccerbench.specs.claims import load_claims
    from soccerbench.specs.shipped import shipped
    from soccerbench.specs.video_models import ExtractorTable

    if table == CLAIMS:
        print_table(table_of_claims(load_claims()))
        return
    found = _load(TABLE1 if table == EXTRACTORS else table)
    if isinstance(found, ExtractorTable):
        print_table(table_of_extractors(found, accuracies(shipped("results"))))
    else:
        print_table(table_of_rows(found))


def show(
    table: Annotated[str, typer.Argument(help="A table's name or YAML file, or claims.")],
    row: Annotated[int, typer.Argument(help="The row's number.")],
    mini: Annotated[bool, typer.Option("--mini", help="As it runs on the embedded dataset.")] = False,
) -> None:
    """Show one row in full: what the paper states, what is assumed and why, what was published.

    Example: soccerbench show table2 8
    """
    from soccerbench.errors import SpecError
    from soccerbench.specs.claims import claim_text, load_claims
    from soccerbench.specs.load import spec_text

    if table == CLAIMS:
        typer.echo(claim_text(load_claims(), row), nl=False)
        return
    rows = {spec.row: spec for spec in _load(table, mini=mini).rows}
    if row not in rows:
        raise SpecError(table, f"no row {row}; it has {', '.join(map(str, rows))}")
    typer.echo(spec_text(rows[row]), nl=False)
    typer.echo(f"digest: {rows[row].digest()}")


def validate(files: Annotated[list[Path], typer.Argument(help="YAML files.")]) -> None:
    """Check your table files; the first error names file, row and key.

    Example: soccerbench validate my_table.yaml
    """
    from soccerbench.errors import counted

    for file in files:
        table = _load(str(file) if file.suffix in (".yaml", ".yml") else f"{file}.yaml")
        typer.echo(f"{file}: {counted(len(table.rows), 'row')}, all valid")


def _load(name: str, *, mini: bool = False) -> Table | ExtractorTable:
    """A table of heads or of video models; the latter are the same on the embedded dataset."""
    from soccerbench.specs.load import load_table
    from soccerbench.specs.shipped import table_file
    from soccerbench.specs.video_models import is_extractor_table, load_extractors

    return load_extractors(name) if is_extractor_table(table_file(name)) else load_table(name, mini=mini)
