"""Lists of tables and of their rows."""

from __future__ import annotations

from collections.abc import Iterable

from soccerbench.report.tables.paper import SETUP_TITLES, Grid, setup
from soccerbench.specs import ExtractorTable, Row, SpottingRow, Table, load_features
from soccerbench.specs.features import file_of


def grid_of_tables(tables: Iterable[Table | ExtractorTable]) -> Grid:
    """One line a table."""
    lines = tuple((table.table, table.title, str(len(table.rows)), table.source) for table in tables)
    return Grid("Tables", ("Name", "Title", "Rows", "Source"), lines, ("soccerbench list NAME shows a table's rows.",))


def grid_of_rows(table: Table) -> Grid:
    """One line a row, with what was published and whether its features were released."""
    settings = SETUP_TITLES[any(isinstance(row, SpottingRow) for row in table.rows)]
    header = ("Row", "Features", "Head", settings, "Mode", "Test", "Challenge", "Features released")
    names = [f"Row {row.row}: {row.name}." for row in table.rows if not isinstance(row, SpottingRow) and row.name]
    notes = (f"Published numbers in per cent; {table.source}.", *names)
    return Grid(table.title, header, tuple(_line(row) for row in table.rows), notes)


def _line(row: Row) -> tuple[str, ...]:
    blocks = load_features().blocks
    missing = dict.fromkeys(file_of(name) for name in row.blocks if name not in blocks or not blocks[name].released)
    published = [row.published.get(split, "") for split in ("test", "challenge")]
    return (
        str(row.row),
        row.features + (" mega" if row.mega else ""),
        row.head,
        setup(row.model_dump()),
        row.mode,
        *(value if isinstance(value, str) else f"{value:.2f}" for value in published),
        f"no: {', '.join(missing)}" if missing else "yes",
    )
