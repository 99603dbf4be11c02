"""What moved since the records were made, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from soccerbench.experiments.drift import Movement, RowCheck
from soccerbench.report.tables.paper import Grid

PER_CENT = ("loose", "tight")


def drift_grid(checks: Sequence[RowCheck]) -> Grid:
    """One line for each measure that moved and for each problem; what stayed is counted below."""
    lines: list[tuple[str, ...]] = []
    for check in checks:
        lines += [(check.title, problem, "", "", "", "drift") for problem in check.problems]
        lines += [_line(check, movement) for movement in check.movements if movement.moved]
    measures = [movement for check in checks for movement in check.movements]
    moved = sum(movement.moved for movement in measures)
    seeds = sum(len(check.seeds) for check in checks)
    notes = [
        f"{len(measures) - moved} of {len(measures)} measures of {len(checks)} rows ({seeds} runs) are as recorded."
    ]
    notes += [f"{check.title}: {', '.join(check.notes)} than its record." for check in checks if check.notes]
    title = "Drift" if any(check.drifted for check in checks) else "No drift"
    header = ("Row", "Measure", "Record", "Now", "Bands", "")
    return Grid(title, header, tuple(lines), tuple(notes))


def _line(check: RowCheck, movement: Movement) -> tuple[str, ...]:
    share = movement.measure.endswith(PER_CENT)
    before, now = (
        f"{100 * value:.2f} %" if share else f"{value:.6g}" for value in (movement.recorded, movement.measured)
    )
    bands = f"{movement.bands:.2f}" if movement.bands < 1000 else "over 1000"
    return check.title, movement.measure, before, now, bands, "drift" if movement.drifted else "within"
