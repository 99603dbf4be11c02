"""Drift: whether runs still give the numbers of the committed records, and the metric those of its fixtures.

Conventions
    paired   the mean over the seeds that run and record share, each against its own: an unchanged run moves by nothing
    moved    by more than rounding, 1e-12 of the value
    bands    how far a measure moved, in bands of its record; past one is drift
    speed    seconds of a run against its record's; past twice is drift, and faster never is
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from soccerbench.experiments.records import Summary, measures, read_record, record_file
from soccerbench.experiments.results import Key, Run
from soccerbench.scoring.schema import Report

ROUNDING = 1e-12
SLOWER = 2.0
_NOTED = {"data_fingerprint": "data", "code": "code", "versions": "versions", "device": "device", "threads": "threads"}


class Movement(Report):
    """One measure of one row: what the record says, what was measured, and how many bands apart they are."""

    measure: str
    recorded: float
    measured: float
    bands: float
    moved: bool
    drifted: bool


class RowCheck(Report):
    """One row compared with its record.

    Attributes:
        seeds: those that were compared.
        problems: what makes a comparison impossible or meaningless; each is drift.
        notes: what differs without being wrong, such as other versions.
        movements: one a measure.
        drifted: whether anything is wrong.
    """

    dataset: str
    table: str
    row: int
    seeds: tuple[int, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    movements: tuple[Movement, ...]
    drifted: bool

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.dataset} {self.table} row {self.row}"


class CheckReport(Report):
    """The object that `check --json` prints.

    Attributes:
        metric_numbers: committed numbers that the metric was computed for again.
        metric_differences: those that came out otherwise, one line each.
        exact_steps: committed results of untrained steps.
        exact_differences: those that came out otherwise, one line each.
        rows: one a row that was run.
        drifted: whether anything is wrong.
    """

    version: Literal[1] = 1
    metric_numbers: int
    metric_differences: tuple[str, ...]
    exact_steps: int
    exact_differences: tuple[str, ...]
    rows: tuple[RowCheck, ...]
    drifted: bool


def check_row(runs: Sequence[Run], results: Path, *, speed: bool) -> RowCheck:
    """Compare the runs of one row with its record.

    Args:
        runs: one a seed, of one spec, data and code.
        results: the folder of the records, or of the table's own.
        speed: compare seconds too.

    Raises:
        InputError: a record that cannot be read.
    """
    first = runs[0]
    record = read_record(record_file(results, first.key))
    if record is None:
        return _check(first.key, ["no record; --update makes it"])
    places = {seed: place for place, seed in enumerate(record.seeds)}
    shared = [run for run in runs if run.result.seed in places]
    if not shared:
        return _check(first.key, [f"no seed of the record's {list(record.seeds)} was run"])
    found = [measures(run) for run in shared]
    problems = []
    if first.result.digest != record.digest:
        problems.append(f"spec: {', '.join(_differences(record.spec, first.result.spec)) or 'digest'}")
    odd = sorted(set(record.measures) ^ set().union(*found))
    problems += [f"{name}: only in the {'record' if name in record.measures else 'run'}" for name in odd]
    chosen = [places[run.result.seed] for run in shared]
    movements = [
        _movement(name, recorded, chosen, [values[name] for values in found])
        for name, recorded in record.measures.items()
        if all(name in values for values in found)
    ]
    if speed:
        movements.append(_speed(record.seconds, [run.result.seconds for run in shared]))
    notes = [f"other {word}" for key, word in _NOTED.items() if getattr(first.result, key) != getattr(record, key)]
    return _check(first.key, problems, [run.result.seed for run in shared], notes, movements)


def rows_of_baseline(rows: dict[Key, list[Run]], results: Path) -> list[list[Run]]:
    """The rows that a baseline is about: those of one table where it is that table's own folder, else all."""
    own = [runs for key, runs in rows.items() if results.resolve().parts[-2:] == key[:2]]
    return own or list(rows.values())


def _check(
    key: Key,
    problems: Sequence[str],
    seeds: Sequence[int] = (),
    notes: Sequence[str] = (),
    movements: Sequence[Movement] = (),
) -> RowCheck:
    dataset, table, row = key
    return RowCheck(
        dataset=dataset, table=table, row=row, seeds=tuple(seeds), problems=tuple(problems), notes=tuple(notes),
        movements=tuple(movements), drifted=bool(problems) or any(movement.drifted for movement in movements),
    )  # fmt: skip


def _movement(name: str, record: Summary, chosen: Sequence[int], values: Sequence[float]) -> Movement:
    recorded = statistics.fmean(record.values[place] for place in chosen)
    measured = statistics.fmean(values)
    rounding = ROUNDING * max(1.0, abs(recorded))
    bands = abs(measured - recorded) / max((record.band or 0.0) / math.sqrt(len(values)), rounding)
    moved = abs(measured - recorded) > rounding
    return Movement(measure=name, recorded=recorded, measured=measured, bands=bands, moved=moved, drifted=bands > 1)


def _speed(record: Summary, seconds: Sequence[float]) -> Movement:
    measured = statistics.fmean(seconds)
    slower = max(math.log(measured / record.mean) / math.log(SLOWER), 0.0)
    moved = abs(measured - record.mean) > ROUNDING * max(1.0, record.mean)
    return Movement(
        measure="seconds", recorded=record.mean, measured=measured, bands=slower, moved=moved, drifted=slower > 1
    )


def _differences(record: dict[str, JsonValue], run: dict[str, JsonValue]) -> list[str]:
    """The keys in which two specs differ, with both values."""
    keys = [key for key in {**record, **run} if key != "published" and record.get(key) != run.get(key)]
    return [f"{key} {record.get(key)!r} -> {run.get(key)!r}" for key in keys]
