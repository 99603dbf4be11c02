"""What some runs measured: one value for each row, split and tolerances; reports and exports are made from these.

Conventions
    score       mean over the seeds, a fraction, like everything here but text for people
    interval    over games, of that mean
    published   the paper's number, for loose tolerances on real features only
    comparable  two scores are, if their signatures are equal but for the version of the package
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soccerbench.experiments.results import Run
from soccerbench.metrics.resampling import LEVEL, mean_and_deviation, percentile, resampled_scores
from soccerbench.metrics.signature import signature
from soccerbench.report.table import Column, Mean, Range, Table, percent, percent_range, table
from soccerbench.report.tables.scores import REPETITIONS
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.classes import CLASSES

EQUAL = 1e-9
DAMAGED = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)  # of counts that are none


@dataclass(frozen=True)
class Measured:
    """One score of one row."""

    dataset: str
    simulated: bool
    table: str
    row: int
    title: str  # of the row, for people
    features: str
    head: str
    task: str
    split: str
    tolerances: str  # "loose" or "tight"
    metric: str
    published: float | None
    score: float
    deviation: float | None  # over the seeds; None for one
    seeds: tuple[int, ...]
    low: float  # end of the interval over games
    high: float  # its other end
    games: int
    signature: str
    digest: str  # of the spec
    data_fingerprint: str
    code: str  # hash of the code that makes the numbers

    @property
    def comparable(self) -> str:
        """The signature without the version."""
        return self.signature.partition("|v:")[0]

    @property
    def unit(self) -> str:
        """Metric, tolerances and unit of a table for people."""
        return f"{self.metric}, {self.tolerances}, %"

    @property
    def mean(self) -> Mean:
        """Score and deviation in per cent."""
        return Mean(100 * self.score, percent(self.deviation))


def measure(members: Sequence[Run]) -> list[Measured]:
    """What the seeds of one row measured, by split and tolerances; splits without a score are left out."""
    first = members[0].result
    return [
        measure_split(members, split, tolerances, [run.statistics(split, tolerances) for run in members])
        for split, scores in first.scores.items()
        for tolerances in scores or {}
    ]


def measure_split(members: Sequence[Run], split: str, tolerances: str, statistics: Sequence[Sequence[Any]]) -> Measured:
    """One score of one row, from the statistics of each run, one a game: its own, or of predictions scored again."""
    first = members[0].result
    scored = (first.scores[split] or {})[tolerances]
    task = TASKS[scored.task]
    mean, deviation = mean_and_deviation([float(getattr(task.score(seed), task.overall)) for seed in statistics])
    interval = interval_over_games(statistics, overall=task.overall)
    published: Any = first.spec.get("published")
    number = published.get(split) if isinstance(published, dict) and tolerances == "loose" else None
    return Measured(
        dataset=first.dataset, simulated=first.simulated, table=first.table, row=first.row, title=first.title,
        features=str(first.spec["features"]), head=str(first.spec["head"]), task=scored.task, split=split,
        tolerances=tolerances, metric=task.metric,
        published=round(number / 100, 6) if isinstance(number, float) and not first.simulated else None,
        score=mean, deviation=deviation, seeds=tuple(run.result.seed for run in members),
        low=interval.low, high=interval.high, games=len(statistics[0]), signature=scored.signature,
        digest=first.digest, data_fingerprint=first.data_fingerprint, code=first.code,
    )  # fmt: skip


def interval_over_games(seeds: Sequence[Sequence[Any]], *, overall: str) -> Range:
    """The bootstrap interval over games of the mean over seeds; each resample of the games serves all seeds.

    Args:
        seeds: the statistics of each seed's run, one a game, of the same games in the same order.
        overall: field of the score.
    """
    games = len(seeds[0])
    rng = np.random.default_rng(0)
    weights = rng.multinomial(games, np.full(games, 1 / games), size=REPETITIONS).astype(float)
    scores = [resampled_scores(statistics, weights, visibility=False)[overall] for statistics in seeds]
    found = percentile(np.mean(scores, axis=0))
    return Range(float(found.low), float(found.high))


def faults(run: Run) -> list[str]:
    """What a `result.json` says of its scores that the counts of its games do not give; none for an honest one."""
    found = []
    for split, scores in run.result.scores.items():
        for tolerances, report in (scores or {}).items():
            try:
                statistics: list[Any] = run.statistics(split, tolerances)
                task = TASKS[report.task]
                score = float(getattr(task.score(statistics), task.overall))
                names = tuple(getattr(report, "per_class", CLASSES))
                signed = signature(
                    task=report.task, protocol=report.protocol, split=split, games=len(statistics),
                    deltas_s=statistics[0].deltas_s, version="", classes=len(CLASSES) if names == CLASSES else names,
                )  # fmt: skip
            except DAMAGED as error:
                found.append(f"{split}, {tolerances}: its games cannot be summed ({type(error).__name__})")
                continue
            reported = getattr(report, task.overall)
            if not math.isclose(math.nan if reported is None else reported, score, rel_tol=0, abs_tol=EQUAL):
                found.append(f"{split}, {tolerances}: reports {reported}, its games give {score}")
            if report.signature.partition("|v:")[0] != signed.partition("|v:")[0]:
                found.append(f"{split}, {tolerances}: its signature is not that of its {len(statistics)} games")
    return found


INTERVAL: Column[Measured] = Column(
    f"{LEVEL:.0%} interval over games", lambda score: percent_range(score.low, score.high), ".2f"
)
GAMES: Column[Measured] = Column("Games", lambda score: score.games, "d")
SEEDS: Column[Measured] = Column("Seeds", lambda score: len(score.seeds), "d")


def scores_table(scores: Sequence[Measured]) -> Table[Measured]:
    """The scores of one row for people."""
    columns: list[Column[Measured]] = [
        Column("Split", lambda score: score.split),
        Column("Tolerances", lambda score: score.tolerances),
        Column("Published", lambda score: percent(score.published), ".2f"),
        Column("Measured", lambda score: score.mean, ".2f"),
        INTERVAL,
        GAMES,
        SEEDS,
    ]
    return table(f"{scores[0].title} on {scores[0].dataset}: {scores[0].metric}, %", columns, scores)


def uncertainty_table(scores: Iterable[Measured]) -> Table[Measured]:
    """How the scores of some rows vary over seeds and over games."""
    columns: list[Column[Measured]] = [
        Column("Row", lambda score: score.title),
        Column("Split", lambda score: score.split),
        Column("Metric", lambda score: score.metric),
        Column("Mean", lambda score: 100 * score.score, ".2f"),
        Column("Standard deviation", lambda score: percent(score.deviation), ".2f"),
        SEEDS,
        INTERVAL,
        GAMES,
    ]
    note = f"The interval is that of the mean over the seeds, from {REPETITIONS} resamples of the games."
    return table("Scores over seeds and games, loose, %", columns, scores, (note,))
