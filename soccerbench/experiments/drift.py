"""Drift: today's runs against the committed records, and the metric against its committed fixtures.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soccerbench.experiments.records import measures, read_record, record_file
from soccerbench.experiments.results import Run

ROUNDING = 1e-12
SLOWER = 2.0
_NOTED = {"data_fingerprint": "data", "code": "code", "versions": "versions", "device": "device", "threads": "threads"}


@dataclass(frozen=True)
class Movement:
    """One measure of one row: what the record says, what was measured, and how many bands lie between."""

    measure: str
    recorded: float
    measured: float
    bands: float

    @property
    def moved(self) -> bool:
        """Whether the two differ by more than rounding."""
        return abs(self.measured - self.recorded) > ROUNDING * max(1.0, abs(self.recorded))

    @property
    def drifted(self) -> bool:
        """Whether they differ by more than a band."""
        return self.bands > 1


@dataclass(frozen=True)
class RowCheck:
    """One row against its record.

    Args:
        key: dataset, table and row.
        seeds: those that were compared.
        problems: what makes a comparison impossible or meaningless; each is drift.
        notes: what differs without being wrong, such as other versions.
        movements: one a measure.
    """

    key: tuple[str, str, int]
    seeds: tuple[int, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    movements: tuple[Movement, ...]

    @property
    def title(self) -> str:
        """For people."""
        dataset, table, row = self.key
        return f"{dataset} {table} row {row}"

    @property
    def drifted(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.problems) or any(movement.drifted for movement in self.movements)


def check_row(runs: Sequence[Run], results: Path, *, speed: bool) -> RowCheck:
    """Hold the runs of one row against its record.

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
        return RowCheck(first.key, (), ("no record; --update makes it",), (), ())
    places = {seed: place for place, seed in enumerate(record["seeds"])}
    shared = [run for run in runs if run.result["seed"] in places]
    if not shared:
        return RowCheck(first.key, (), (f"no seed of the record's {record['seeds']} was run",), (), ())
    found = [measures(run) for run in shared]
    problems = []
    if first.result["digest"] != record["digest"]:
        problems.append(f"spec: {', '.join(_differences(record['spec'], first.result['spec'])) or 'digest'}")
    names = [name for name in record["measures"] if all(name in values for values in found)]
    odd = sorted(set(record["measures"]) ^ set().union(*found))
    problems += [f"{name}: only in the {'record' if name in record['measures'] else 'run'}" for name in odd]
    chosen = [places[run.result["seed"]] for run in shared]
    movements = [
        _movement(name, record["measures"][name], chosen, [values[name] for values in found]) for name in names
    ]
    if speed:
        movements.append(_speed(record["seconds"], [run.result["seconds"] for run in shared]))
    notes = [f"other {word}" for key, word in _NOTED.items() if first.result.get(key) != record[key]]
    seeds = tuple(run.result["seed"] for run in shared)
    return RowCheck(first.key, seeds, tuple(problems), tuple(notes), tuple(movements))


def rows_of_baseline(rows: dict[tuple[str, str, int], list[Run]], results: Path) -> list[list[Run]]:
    """The rows that a baseline is about: those of one table where it is that table's own folder, else all."""
    own = [runs for key, runs in rows.items() if results.resolve().parts[-2:] == key[:2]]
    return own or list(rows.values())


def _movement(name: str, record: dict[str, Any], chosen: Sequence[int], values: Sequence[float]) -> Movement:
    recorded = statistics.fmean(record["values"][place] for place in chosen)
    measured = statistics.fmean(values)
    band = record["band"] / math.sqrt(len(values))
    allowed = max(band, ROUNDING * max(1.0, abs(recorded)))
    return Movement(name, recorded, measured, abs(measured - recorded) / allowed)


def _speed(record: dict[str, Any], seconds: Sequence[float]) -> Movement:
    measured = statistics.fmean(seconds)
    slower = math.log(measured / record["mean"]) / math.log(SLOWER)
    return Movement("seconds", record["mean"], measured, max(slower, 0.0))


def _differences(record: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """The keys in which two specs differ, with both values."""
    keys = [key for key in {**record, **run} if key != "published" and record.get(key) != run.get(key)]
    return [f"{key} {record.get(key)!r} -> {run.get(key)!r}" for key in keys]
