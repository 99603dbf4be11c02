"""Do the intervals hold what they promise? Coverage at 95 %, and the size of the permutation test at 5 %.

    python benchmarks/interval_coverage.py --repetitions 1000 --out FILE.json

The truth is stated beforehand: the expected score, or difference of scores, of a submission over test sets of this
many games, from a large simulation of its own seed. Then test sets are drawn anew, an interval is made from each one
alone, and how often it holds the truth is counted.

The model
    events      of each class: Poisson with the rate of the SoccerNet-v2 test split, times how eventful the game is
    detection   an event is found where a normal variable falls under the class's recall; the variable has parts shared
                by both submissions (event and game) and parts of each one
    confidence  Beta(4, 2) for events found, Beta(2, 4) for false alarms, kept to twentieths
    time        errors are Laplace; a tolerance of delta is met within delta / 2
    unequal     the second submission has a recall 0.03 higher in every class and fewer false alarms
    alike       both have the same parameters: the hypothesis of the permutation test
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from soccerbench.events import Floats, Ints
from soccerbench.files import write_json
from soccerbench.metrics.resampling import permutation_p
from soccerbench.metrics.spotting import resampled_spotting_scores
from soccerbench.metrics.statistics import SpottingStatistics
from soccerbench.soccernet.classes import CLASSES

# Events in the 100 test games, in the order of CLASSES (computed from Labels-v2.json of the public split).
TEST_EVENTS = (41, 514, 337, 579, 416, 1175, 1058, 1631, 6460, 3809, 2414, 2283, 382, 999, 431, 8, 14)
RECALL = (0.8, 0.7, 0.8, 0.7, 0.4, 0.5, 0.5, 0.6, 0.7, 0.7, 0.6, 0.4, 0.6, 0.8, 0.5, 0.2, 0.2)
DELTAS_S = (5, 30, 60)
LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
STEPS = 20  # of confidence; fewer than the scorer's 200, which only makes this study faster
BLOCKS = 10  # games left out together where a standard error is needed thousands of times
NORMAL = NormalDist()


@dataclass(frozen=True)
class Submission:
    """What sets one submission apart from another."""

    recall_gain: float
    alarms_per_event: float


SCENARIOS = {
    "unequal": (Submission(0.0, 1.5), Submission(0.03, 1.4)),
    "alike": (Submission(0.0, 1.5), Submission(0.0, 1.5)),
}


def simulate(submissions: Sequence[Submission], games: int, rng: np.random.Generator) -> list[list[SpottingStatistics]]:
    """The statistics of each submission, one a game, on the same random test set."""
    eventful = rng.gamma(25, 1 / 25, games)
    counts = rng.poisson(np.outer(eventful, TEST_EVENTS) / 100)  # (games, classes)
    cell = np.repeat(np.arange(counts.size), counts.ravel())  # game and class of each event
    difficulty = rng.normal(size=len(cell)) + 0.5 * rng.normal(size=games)[cell // len(CLASSES)]
    threshold = np.array([NORMAL.inv_cdf(recall) for recall in RECALL])
    results = []
    for submission in submissions:
        gain = np.array([NORMAL.inv_cdf(recall + submission.recall_gain) for recall in RECALL]) - threshold
        own = rng.normal(size=len(cell)) + 0.5 * rng.normal(size=games)[cell // len(CLASSES)]
        found = cell[(difficulty + own) / np.sqrt(2.5) < (threshold + gain)[cell % len(CLASSES)]]
        error_s = np.abs(rng.laplace(scale=2, size=len(found)))
        hits = sum((error_s <= delta / 2).astype(np.int64) << bit for bit, delta in enumerate(DELTAS_S))
        alarms = rng.poisson(np.outer(np.ones(games), TEST_EVENTS) / 100 * submission.alarms_per_event)
        alarm = np.repeat(np.arange(alarms.size), alarms.ravel())
        level = np.concatenate([rng.beta(4, 2, len(found)), rng.beta(2, 4, len(alarm))])
        everything = np.concatenate([found, alarm])
        results.append(_by_game(everything, level, np.concatenate([hits, np.zeros_like(alarm)]), counts))
    return results


def _by_game(cell: Ints, confidence: Floats, hits: Ints, events: Ints) -> list[SpottingStatistics]:
    order = np.argsort(cell, kind="stable")
    cell, level, hits = cell[order], (confidence[order] * STEPS).astype(np.int64), hits[order]
    bounds = np.searchsorted(cell, np.arange(len(events) + 1) * len(CLASSES))
    return [
        SpottingStatistics(
            protocol="soccernet",
            deltas_s=DELTAS_S,
            label=cell[start:stop] % len(CLASSES),
            level=level[start:stop],
            hits=hits[start:stop],
            visible=np.full(stop - start, 2 ** len(DELTAS_S) - 1),
            count=np.ones(stop - start, dtype=np.int64),
            events_visible=events[game],
            events_unshown=np.zeros_like(events[game]),
        )
        for game, (start, stop) in enumerate(pairwise(bounds))
    ]


def scores(statistics: list[SpottingStatistics], weights: Floats) -> Floats:
    """(R, 1 + C): the average-mAP, then that of each class."""
    by_name = resampled_spotting_scores(statistics, weights, visibility=False)
    return np.column_stack([by_name["average_map"], by_name["per_class"]])


@dataclass(frozen=True)
class Sample:
    """What one test set says about a number: its value there, and for resampled games."""

    observed: float
    replicates: Floats  # (B,)
    left_out: Floats  # (G,) without each game in turn
    error: float  # standard error by leaving out blocks of games
    pivots: Floats  # (S,) (replicate - observed) / its own standard error


def percentile(sample: Sample) -> Floats:
    """The quantiles of the replicates."""
    return np.quantile(sample.replicates, TAILS)


def bca(sample: Sample) -> Floats:
    """Bias-corrected and accelerated (Efron, 1987), the acceleration from leaving out one game at a time."""
    count = len(sample.replicates)
    below = np.count_nonzero(sample.replicates < sample.observed)
    below += np.count_nonzero(sample.replicates == sample.observed) / 2
    bias = NORMAL.inv_cdf(min(max(below, 0.5), count - 0.5) / count)
    spread = sample.left_out.mean() - sample.left_out
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    shifted = [bias + NORMAL.inv_cdf(tail) for tail in TAILS]
    return np.quantile(sample.replicates, [NORMAL.cdf(bias + z / (1 - acceleration * z)) for z in shifted])


def studentised(sample: Sample) -> Floats:
    """Quantiles of the pivots around the observed value, in standard errors."""
    return sample.observed - sample.error * np.quantile(sample.pivots, TAILS[::-1])


METHODS: tuple[Callable[[Sample], Floats], ...] = (percentile, bca, studentised)


def standard_error(blocks_left_out: Floats) -> Floats:
    """Jackknife standard error from scores without each block, (…, BLOCKS) in, (…) out."""
    return np.sqrt(blocks_left_out.var(axis=-1) * (BLOCKS - 1))


class Resampling:
    """Weights of games for every kind of resample of a test set, the same for both submissions."""

    def __init__(self, games: int, replicates: int, pivots: int, rng: np.random.Generator) -> None:
        self.drawn = rng.multinomial(games, np.full(games, 1 / games), size=replicates).astype(float)
        block = np.arange(games) * BLOCKS // games
        self._outside = (block != np.arange(BLOCKS)[:, None]).astype(float)  # (BLOCKS, G)
        once, nested = np.ones((1, games)), self.drawn[:pivots, None] * self._outside  # (S, BLOCKS, G)
        self.weights = np.concatenate([once, self.drawn, 1 - np.eye(games), self._outside, nested.reshape(-1, games)])
        self.bounds = np.cumsum([1, replicates, games, BLOCKS])

    def sample(self, values: Floats) -> Sample:
        """Sort the scores of all weightings, (R,), by what they are for."""
        (observed,), replicates, left_out, blocks, nested = np.split(values, self.bounds)
        errors = standard_error(nested.reshape(-1, BLOCKS))
        pivots = (replicates[: len(errors)] - observed) / np.maximum(errors, 1e-12)
        return Sample(observed, replicates, left_out, float(standard_error(blocks)), pivots)


def truth(submissions: tuple[Submission, ...], games: int, seasons: int, rng: np.random.Generator) -> Floats:
    """(2, 1 + C): the expected score of the first submission and the expected difference, first less second."""
    once = np.ones((1, games))
    total = np.zeros((2, 1 + len(CLASSES)))
    for _ in range(seasons):
        first, second = (scores(statistics, once)[0] for statistics in simulate(submissions, games, rng))
        total += first, first - second
    return total / seasons


def study(submissions: tuple[Submission, ...], options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Coverage and size of everything in one scenario."""
    beforehand, rng = (np.random.default_rng([options.seed, seed, part]) for part in range(2))
    expected = truth(submissions, options.games, options.seasons, beforehand)
    held = np.zeros((len(METHODS), 2))
    width = np.zeros((len(METHODS), 2))
    held_per_class, p_values = np.zeros(len(CLASSES)), []
    for _ in range(options.repetitions):
        a, b = simulate(submissions, options.games, rng)
        resampling = Resampling(options.games, options.resamples, options.pivots, rng)
        first = scores(a, resampling.weights)
        difference = first - scores(b, resampling.weights)
        for column, values in enumerate((first, difference)):
            sample = resampling.sample(values[:, 0])
            for row, method in enumerate(METHODS):
                low, high = method(sample)
                held[row, column] += low <= expected[column, 0] <= high
                width[row, column] += high - low
        low, high = np.quantile(difference[1 : 1 + options.resamples, 1:], TAILS, axis=0)
        held_per_class += (low <= expected[1, 1:]) & (expected[1, 1:] <= high)
        kept = rng.integers(0, 2, (options.resamples, options.games)).astype(float)
        exchanged = scores([*a, *b], np.hstack([kept, 1 - kept])) - scores([*a, *b], np.hstack([1 - kept, kept]))
        p_values.append(permutation_p(difference[:1], exchanged))
    rejected = (np.array(p_values) <= 0.05).mean(axis=0)
    names = [method.__name__ for method in METHODS]

    def means(sums: Floats) -> dict[str, dict[str, float]]:
        kinds = zip(("score", "difference"), (sums / options.repetitions).T.tolist(), strict=True)
        return {kind: dict(zip(names, values, strict=True)) for kind, values in kinds}

    return {
        "truth": {"score": expected[0, 0], "difference": expected[1, 0]},
        "coverage": means(held),
        "mean_width": means(width),
        "percentile_coverage_per_class_difference": dict(
            zip(CLASSES, (held_per_class / options.repetitions).tolist(), strict=True)
        ),
        "permutation_rejects_at_5_percent": rejected[0],
        "permutation_rejects_at_5_percent_per_class": dict(zip(CLASSES, rejected[1:].tolist(), strict=True)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000, help="test sets drawn in each scenario")
    parser.add_argument("--resamples", type=int, default=500, help="resamples, and exchanges, of each test set")
    parser.add_argument("--pivots", type=int, default=100, help="resamples with a standard error of their own")
    parser.add_argument("--games", type=int, default=100, help="games of a test set")
    parser.add_argument("--seasons", type=int, default=2000, help="test sets that the truth is the mean of")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    start = time.process_time()
    result: dict[str, Any] = {key: value for key, value in vars(options).items() if key != "out"}
    result.update(level=LEVEL, tolerances_s=DELTAS_S, blocks=BLOCKS)
    for seed, (name, submissions) in enumerate(SCENARIOS.items()):
        result[name] = study(submissions, options, seed)
        print(name, result[name], flush=True)
    write_json(options.out, {**result, "cpu_seconds": round(time.process_time() - start)})


if __name__ == "__main__":
    main()
