"""Records: what a row measured over seeds, small enough to commit, with the band that later runs must stay in.

Conventions
    record   `<dataset>/<table>/row-NN.json` below `results/`, made from runs and never by hand
    measure  a number of one run: scores as fractions, detections a game, losses of the learning curve. Scores show
             whether a row still does what it did; detections and losses vary little over seeds, so that they show a
             change of post-processing or training that is smaller than the spread of a score
    band     4 · √2 · deviation: four standard errors of the difference between two runs that differ only in their seed;
             for the mean of m seeds it is divided by √m
    deviation  of a trained row with fewer than `MANY_SEEDS` seeds: the root of the mean of its own variance and that of
             the usual row, weighted by n - 1 and `MANY_SEEDS` - 1. Three seeds that agree or one that collapses say
             little about the next. The usual row has the median deviation of the table's trained rows, not below
             `FLOORS`, which are chosen (0.3 points of a score, 1 % of the rest), so that seeds which agree by chance do
             not make a band of zero. Rows that train nothing give the same numbers everywhere: their own deviation
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, model_validator
from typing_extensions import Self

from soccerbench.errors import InputError
from soccerbench.experiments.results import Key, Result, Run, read_report
from soccerbench.files import write_json
from soccerbench.metrics.resampling import mean_and_deviation
from soccerbench.scoring.schema import Report, SpottingCounts
from soccerbench.scoring.tasks import TASKS
from soccerbench.specs.base import SCORED_SPLITS

ERRORS_IN_A_BAND = 4
MANY_SEEDS = 8
FLOORS = {"score": 0.003, "share": 0.01}  # of scores as fractions; of detections and losses as shares
_ABOUT_BAND = (
    f"{ERRORS_IN_A_BAND} * sqrt(2) * the deviation, which below {MANY_SEEDS} seeds is drawn to that of the table's "
    "other rows; for one seed; divided by sqrt(m) for the mean of m"
)
_REMEDY = "make it again with `soccerbench check RUNS --update`"


class Summary(Report):
    """A measure over seeds; spread and band are null for a single one."""

    values: tuple[float, ...]
    mean: float
    standard_deviation: float | None
    n: int
    band: float | None


class Record(Report):
    """The content of `results/<dataset>/<table>/row-NN.json`; keys that `result.json` has too mean the same."""

    version: Literal[1] = 1
    table: str
    row: int
    dataset: str
    simulated: bool
    spec: dict[str, JsonValue]
    digest: str
    data_fingerprint: str
    code: str
    versions: dict[str, str]
    device: str
    threads: int | None
    seeds: tuple[int, ...]
    band: str = _ABOUT_BAND
    measures: dict[str, Summary]
    seconds: Summary

    @model_validator(mode="after")
    def _one_value_a_seed(self) -> Self:
        for name, found in {**self.measures, "seconds": self.seconds}.items():
            if len(found.values) != len(self.seeds):
                raise ValueError(f"{name}: {len(found.values)} values of {len(self.seeds)} seeds")
        return self


def record_file(results: Path, key: Key) -> Path:
    """The file of the record of (dataset, table, row); `results` may also be that table's own folder."""
    dataset, table, row = key
    own = results.resolve().parts[-2:] == (dataset, table)
    return (results if own else results / dataset / table) / f"row-{row:02d}.json"


def measures(run: Run) -> dict[str, float]:
    """Every number of a run that a record keeps, by name."""
    found: dict[str, float] = {}
    for split, scores in run.result.scores.items():
        for tolerances, report in (scores or {}).items():
            found[f"{split} {tolerances}"] = getattr(report, TASKS[report.task].overall)
        if scores is not None:
            games = run.result.games[split]["loose"].values()
            counts = [sum(game.count) if isinstance(game, SpottingCounts) else len(game.level) for game in games]
            found[f"{split} detections a game"] = statistics.fmean(counts)
    if run.history:
        losses = [epoch.valid_loss for epoch in run.history if epoch.valid_loss is not None]
        found["train loss, first epoch"] = run.history[0].train_loss
        found["train loss, last epoch"] = run.history[-1].train_loss
        if losses:
            found["valid loss, best epoch"] = min(losses)
    return found


def summary(values: Sequence[float]) -> Summary:
    """A measure over seeds, its band not yet set."""
    mean, deviation = mean_and_deviation(values)
    return Summary(values=tuple(values), mean=mean, standard_deviation=deviation, n=len(values), band=None)


def make_record(runs: Sequence[Run]) -> Record:
    """The record of one row, with the bands of a table that has no other.

    Args:
        runs: one a seed, of one spec, data and code.

    Raises:
        InputError: a single seed, which shows no spread.
    """
    if len(runs) < 2:
        raise InputError(
            runs[0].folder, "one seed shows no spread, so no band follows", "run more, such as --seeds 0-7"
        )
    first, by_run = runs[0].result, [measures(run) for run in runs]
    names = [name for name in by_run[0] if all(name in found for found in by_run)]
    same = Record.model_fields.keys() & Result.model_fields.keys() - {"spec", "seconds"}
    record = Record(
        **{key: getattr(first, key) for key in same},
        spec={key: value for key, value in first.spec.items() if key != "published"},
        seeds=tuple(run.result.seed for run in runs),
        measures={name: summary([found[name] for found in by_run]) for name in names},
        seconds=summary([run.result.seconds for run in runs]),
    )
    return with_bands([record])[0]


def with_bands(records: Sequence[Record]) -> list[Record]:
    """The records of one table with the bands that follow from all of them."""
    spreads: dict[str, list[float]] = {}
    for record in filter(_is_trained, records):
        for name, measure in record.measures.items():
            spreads.setdefault(name, []).append(measure.standard_deviation or 0.0)
    usual = {name: statistics.median(found) for name, found in spreads.items()}

    banded = []
    for record in records:
        measures = {}
        for name, measure in record.measures.items():
            deviation = measure.standard_deviation or 0.0
            if _is_trained(record):
                deviation = _expected_deviation(name, measure, usual=usual.get(name, 0.0))
            measures[name] = measure.model_copy(update={"band": ERRORS_IN_A_BAND * math.sqrt(2) * deviation})
        banded.append(record.model_copy(update={"band": _ABOUT_BAND, "measures": measures}))
    return banded


def _is_trained(record: Record) -> bool:
    return "max_epochs" in record.spec


def _expected_deviation(name: str, measure: Summary, *, usual: float) -> float:
    """What another seed of a trained row may be expected to deviate by, as the conventions say."""
    own, degrees = measure.standard_deviation or 0.0, measure.n - 1
    is_score = name.partition(" ")[0] in SCORED_SPLITS and not name.endswith("a game")
    floor = FLOORS["score"] if is_score else FLOORS["share"] * abs(measure.mean)
    if measure.n < MANY_SEEDS:
        shared = MANY_SEEDS - 1
        own = math.sqrt((degrees * own**2 + shared * max(usual, floor) ** 2) / (degrees + shared))
    return max(own, floor)


def read_record(file: Path) -> Record | None:
    """A record; None if there is none.

    Raises:
        InputError: no JSON, or not a record.
    """
    return read_report(file, Record, what="record", remedy=_REMEDY) if file.exists() else None


def write_records(results: Path, rows: Iterable[Sequence[Run]]) -> list[Path]:
    """Write the record of each row, all of them made before the first is written; the files.

    Raises:
        InputError: as `make_record`, or a full disk.
    """
    made = {record_file(results, runs[0].key): make_record(runs) for runs in rows}
    for folder in {file.parent for file in made}:
        others = [read_record(file) for file in folder.glob("row-*.json") if file not in made]
        files = [file for file in made if file.parent == folder]
        banded = with_bands([*(made[file] for file in files), *filter(None, others)])
        for file, record in zip(files, banded, strict=False):
            write_json(file, record.to_json())
    return list(made)
