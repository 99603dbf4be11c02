"""Rows that need other rows' runs: resolves the references, so that a row holds all that its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from soccerbench.errors import SpecError
from soccerbench.specs.base import BaseRow
from soccerbench.specs.grounding import Filter, Fuse, GroundingRow, Run, Suppress
from soccerbench.specs.spotting import Row, Table


def with_runs(file: Path, rows: Sequence[Row], load: Callable[[str], Table], inside: Sequence[str] = ()) -> list[Row]:
    """The rows, each with the rows whose runs it needs.

    Args:
        file: of the table, for errors.
        rows: of one table.
        load: reads another table by its name.
        inside: tables that are being read, which must not be referred to.

    Raises:
        SpecError: a reference to a missing row, to a row of the wrong task, or a circular one.
    """
    followed = _References(file, rows, load, inside)
    return [followed.row(row.row, ()) for row in rows]


class _References:
    def __init__(self, file: Path, rows: Sequence[Row], load: Callable[[str], Table], inside: Sequence[str]) -> None:
        self.file, self.load, self.inside = file, load, inside
        self.rows = {row.row: row for row in rows}
        self.tables: dict[str, dict[int, Row]] = {}

    def row(self, number: int, trail: tuple[int, ...]) -> Row:
        """A row of this table with its runs; `trail` leads to it."""
        row = self.rows[number]
        if isinstance(row, GroundingRow) and not row.runs:
            place = f"{self.file}: row {number}: postprocess"
            steps = [step for step in row.postprocess if not isinstance(step, Filter)]
            runs = tuple(self._run(place, step, (*trail, number)) for step in steps)
            self.rows[number] = row.model_copy(update={"runs": runs})
        return self.rows[number]

    def _run(self, place: str, step: Fuse | Suppress, trail: tuple[int, ...]) -> BaseRow:
        reference, task = (step.spotting, "spotting") if isinstance(step, Fuse) else (step.join, "grounding")
        run = self._own(place, reference, trail) if reference.table is None else self._other(place, reference)
        if run.task != task:
            raise SpecError(place, f"{step.step} needs a {task} row, and {run.table} row {run.row} is not one")
        return run

    def _own(self, place: str, reference: Run, trail: tuple[int, ...]) -> Row:
        if reference.row in trail:
            raise SpecError(place, f"needs row {reference.row}, which needs this one")
        if reference.row not in self.rows:
            raise SpecError(place, f"no row {reference.row} in this table")
        return self.row(reference.row, trail)

    def _other(self, place: str, reference: Run) -> Row:
        table = str(reference.table)
        if table in self.inside:
            raise SpecError(place, f"needs {table}, whose rows need this table")
        if table not in self.tables:
            self.tables[table] = {row.row: row for row in self.load(table).rows}
        if reference.row not in self.tables[table]:
            raise SpecError(place, f"no row {reference.row} in {table}")
        return self.tables[table][reference.row]
