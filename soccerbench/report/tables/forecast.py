"""What `plan` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soccerbench.experiments.executors.forecast import Forecast
from soccerbench.report.table import Table, table, tuple_columns


def forecast_table(
    title: str, found: Sequence[Forecast], *, losses_per_hour: float = 0.0, price: float | None = None
) -> Table[tuple[Any, ...]]:
    """A line for each number of machines."""
    lines = [
        (one.machines, one.hours, one.speed_up, one.speed_up / one.machines, one.machine_hours, one.lost)
        + (() if price is None else (price * one.machine_hours,))
        for one in found
    ]
    columns = tuple_columns(
        ("machines", "d"), ("hours", ".2f"), ("speed-up", ".1f"), ("of ideal", ".2f"), ("machine hours", ".1f"),
        ("lost", "d"), *([] if price is None else [("cost", ".2f")]),
    )  # fmt: skip
    note = f"Simulated from measured times, with {losses_per_hour:g} losses an hour and machine."
    return table(title, columns, lines, [note])
