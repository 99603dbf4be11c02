"""The list of what can be reproduced, without what drawing rows needs: `list` starts quickly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from soccerbench.report.table import Table as Drawn
from soccerbench.report.table import table, tuple_columns
from soccerbench.specs import ExtractorTable, Table
from soccerbench.specs.claims import Claims
from soccerbench.specs.figures import Figure3


def table_of_tables(
    tables: Iterable[Table | ExtractorTable], others: Iterable[Figure3 | Claims]
) -> Drawn[tuple[Any, ...]]:
    """One line a table, figure or list of claims."""
    lines: list[tuple[Any, ...]] = [(found.table, found.title, len(found.rows), found.source) for found in tables]
    lines += [
        (found.figure, found.title, None, found.source)
        if isinstance(found, Figure3)
        else (found.claims, found.title, len(found.sentences), found.source)
        for found in others
    ]
    columns = tuple_columns(("Name", None), ("Title", None), ("Rows", "d"), ("Source", None))
    notes = ("soccerbench list NAME shows a table's rows; soccerbench reproduce NAME runs or draws them.",)
    return table("Tables and figures", columns, lines, notes)
