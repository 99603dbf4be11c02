"""The list of what can be reproduced, without what making and drawing rows needs: `list` starts quickly."""

from __future__ import annotations

from typing import Any

from soccerbench.report.table import Table, table, tuple_columns
from soccerbench.specs.shipped import shipped
from soccerbench.specs.yaml_file import outline


def table_of_tables() -> Table[tuple[Any, ...]]:
    """One line a shipped table, figure or list of claims."""
    found = filter(None, map(outline, shipped("reproduce").glob("*.yaml")))
    kinds = ("table", "figure", "claims")
    ordered = sorted(found, key=lambda one: (one.name != "table1", kinds.index(one.kind), one.name))
    columns = tuple_columns(("Name", None), ("Title", None), ("Rows", "d"), ("Source", None))
    notes = ("soccerbench list NAME shows a table's rows; soccerbench reproduce NAME runs or draws them.",)
    return table("Tables and figures", columns, [one[1:] for one in ordered], notes)
