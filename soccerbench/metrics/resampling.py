"""Confidence intervals of scores over games, and the paired comparison of two submissions.

A test set is a sample of games, so games are resampled: the score of a resample is computed from the sum of the counts
of its games.

Conventions
    percentile   interval between quantiles of the resampled scores; its coverage was the best of percentile, BCa and
                 studentised intervals (benchmarks/interval_coverage.py, results/intervals)
    permutation  under the null hypothesis the two submissions are exchangeable in every game: p is the share of
                 exchanges, the observed one included, with at least as large a difference. Confidences of different
                 submissions have different scales, so ranks are exchanged in their place
    seeds        runs of one method are resampled as well as games, independently for both methods: seed 0 of one has
                 nothing to do with seed 0 of the other. p is then that of the resamples
    names        results are keyed by the field of the score and have its shape
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean, stdev
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats
from soccerbench.metrics.grounding import resampled_grounding_scores
from soccerbench.metrics.spotting import resampled_spotting_scores
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics, ranked
from soccerbench.progress import Progress, silent

Statistics = TypeVar("Statistics", SpottingStatistics, GroundingStatistics)
LEVEL = 0.95  # probability of the intervals
ROUNDING = 1e-12  # differences closer than this are equal
MOST = 100_000  # resamples
BLOCK = 2000  # resamples scored at once
BYTES_A_RESAMPLE = 1300  # of 100 games: how often each is drawn, and the scores
# 95 % interval of a difference contains the truth: games -> share, from results/intervals/comparison.json
COVERAGE: Mapping[str, Mapping[int, float]] = {
    "files": {4: 0.81, 8: 0.86, 16: 0.91, 50: 0.94},
    "seeds": {4: 0.99, 8: 1.0},
}


@dataclass(frozen=True, eq=False)
class Interval:
    """Confidence interval of a score over games of the same kind; NaN where there is no score.

    Attributes:
        level: probability, such as 0.95.
        low, high: ends, of the shape of the score.
        repetitions: number of resamples.
    """

    level: float
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    repetitions: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Whether submission a is better than b on the same games; each part keyed by the field of the score."""

    difference: dict[str, Floats]
    interval: dict[str, Interval]
    p_value: dict[str, Floats]
    games: int
    runs: tuple[int, int] = (1, 1)
    method: str = "paired permutation of ranks"

    @property
    def smallest_p(self) -> float:
        """No exchange of these games can give a smaller p-value."""
        return 2.0 / 2**self.games if self.runs == (1, 1) else 0.0


def bootstrap(statistics: Sequence[Statistics], *, repetitions: int, rng: np.random.Generator) -> dict[str, Interval]:
    """Intervals of every score of these games.

    Args:
        statistics: one a game.
        repetitions: number of resamples of the games, from 1 to `MOST`.
        rng: random generator.

    Returns:
        An interval for every field of the score.
    """
    weights = _resamples(len(statistics), repetitions, rng)
    return {name: percentile(values) for name, values in resampled_scores(statistics, weights).items()}


def compare(
    a: Sequence[Statistics],
    b: Sequence[Statistics],
    *,
    repetitions: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Comparison:
    """Compare two submissions game by game.

    Args:
        a: statistics of the first submission, one a game.
        b: those of the second, of the same games in the same order.
        repetitions: number of resamples of the games for the intervals, and of exchanges for the p-values; where there
            are not more exchanges than that, each is made once.
        rng: random generator.
        progress: called as the work proceeds.

    Raises:
        ValueError: different numbers of games, or games counted differently.
    """
    _check_games([a, b])
    weights = np.vstack([np.ones((1, len(a))), _resamples(len(a), repetitions, rng)])
    kept, p_value = _exchanges(len(a), repetitions, rng)
    exchanges = np.vstack([np.hstack([kept, 1 - kept]), np.hstack([1 - kept, kept])])
    scores = []
    for statistics, chosen in ((a, weights), (b, weights), ([*ranked(a), *ranked(b)], exchanges)):
        scores.append(resampled_scores(statistics, chosen, visibility=False))
        progress("resamples", len(scores), 3)
    first, second, exchanged = scores
    changed = {name: np.subtract(*np.split(values, 2)) for name, values in exchanged.items()}
    return Comparison(
        difference={name: first[name][0] - second[name][0] for name in first},
        interval={name: percentile(first[name][1:] - second[name][1:]) for name in first},
        p_value={name: p_value(first[name][:1] - second[name][:1], changed[name]) for name in first},
        games=len(a),
    )


def compare_seeds(
    a: Sequence[Sequence[Statistics]],
    b: Sequence[Sequence[Statistics]],
    *,
    repetitions: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Comparison:
    """Compare the mean scores of two methods, each trained from several seeds.

    Args:
        a: runs of the first method, at least two; of each the statistics, one a game.
        b: those of the second, of the same games in the same order; their number may differ.
        repetitions: number of resamples.
        rng: random generator.
        progress: called as the work proceeds.

    Raises:
        ValueError: a method with a single run, different numbers of games, or games counted differently.
    """
    _check_games([*a, *b])
    if min(len(a), len(b)) < 2:
        raise ValueError("one run of a method shows no spread over seeds: compare two files instead")
    weights = np.vstack([np.ones((1, len(a[0]))), _resamples(len(a[0]), repetitions, rng)])
    means, done = [], count(1)
    for runs in (a, b):
        drawn = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=repetitions)
        # a mean of n drawn runs varies less than one of n new runs, by (n - 1) / n
        shares = 1 / len(runs) + math.sqrt(len(runs) / (len(runs) - 1)) * (drawn / len(runs) - 1 / len(runs))
        shares = np.vstack([np.full((1, len(runs)), 1 / len(runs)), shares])  # (1 + R, runs)
        total: dict[str, Floats] = {}
        for share, run in zip(shares.T, runs, strict=True):
            for name, values in resampled_scores(run, weights, visibility=False).items():
                part = values * share.reshape(-1, *[1] * (values.ndim - 1))
                total[name] = total[name] + part if name in total else part
            progress("resamples", next(done), len(a) + len(b))
        means.append(total)
    difference = {name: means[0][name] - means[1][name] for name in means[0]}
    return Comparison(
        difference={name: values[0] for name, values in difference.items()},
        interval={name: percentile(values[1:]) for name, values in difference.items()},
        p_value={name: bootstrap_p(values[1:]) for name, values in difference.items()},
        games=len(a[0]),
        runs=(len(a), len(b)),
        method="bootstrap over seeds and games",
    )


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation of a measure over seeds; no deviation for a single seed."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def percentile(values: Floats) -> Interval:
    """The interval between the quantiles of resampled scores, (R, …) in."""
    defined = ~np.isnan(values).all(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    if defined.any():
        ends[:, defined] = np.nanquantile(values[:, defined], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Interval(LEVEL, ends[0], ends[1], len(values))


def permutation_p(observed: Floats, exchanged: Floats) -> Floats:
    """Two-sided p-value of a difference, (1, …), among those of random exchanges, (R, …)."""
    as_large = (np.abs(exchanged) >= np.abs(observed) - ROUNDING).sum(axis=0)
    return np.where(np.isnan(observed[0]), np.nan, (1 + as_large) / (1 + len(exchanged)))


def exact_p(observed: Floats, exchanged: Floats) -> Floats:
    """The same among all exchanges, which are (R, …) with the one that exchanges nothing."""
    as_large = (np.abs(exchanged) >= np.abs(observed) - ROUNDING).mean(axis=0)
    return np.where(np.isnan(observed[0]), np.nan, as_large)


def bootstrap_p(differences: Floats) -> Floats:
    """Twice the share of resampled differences, (R, …), on the rarer side of zero: what the interval says, as a p."""
    rarer = np.minimum((differences <= ROUNDING).sum(axis=0), (differences >= -ROUNDING).sum(axis=0))
    p_value = np.minimum(2 * (1 + rarer) / (1 + len(differences)), 1)
    return np.where(np.isnan(differences).any(axis=0), np.nan, p_value)


def holm(p_values: Floats) -> Floats:
    """Holm's p-values, (N,): adjusted for their number; NaN stays and does not count."""
    order = np.argsort(p_values)  # NaN last
    factors = np.maximum(np.count_nonzero(~np.isnan(p_values)) - np.arange(len(order)), 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted


def coverage(games: int, runs: int) -> float:
    """How often a 95 % interval of a difference contains the true one, as simulated; the nearest smaller test set's.

    Args:
        games: resampled.
        runs: of the method with fewer; more than one where seeds are resampled too.
    """
    known = COVERAGE["seeds" if runs > 1 else "files"]
    return known[max((size for size in known if size <= games), default=min(known))]


def check_repetitions(repetitions: int) -> None:
    """Raise ValueError for no or far too many resamples."""
    if repetitions < 1:
        raise ValueError(f"{repetitions} repetitions: at least one is needed")
    if repetitions > MOST:
        gigabytes = repetitions * BYTES_A_RESAMPLE / 1e9
        raise ValueError(
            f"{repetitions} resamples would need {gigabytes:,.0f} GB; at most {MOST} are possible, and 10000 suffice"
        )


def _check_games(statistics: Sequence[Sequence[Any]]) -> None:
    if len({len(games) for games in statistics}) != 1:
        found = " games against ".join(str(len(games)) for games in statistics)
        raise ValueError(f"{found}: both need the same games")


def _exchanges(
    games: int, repetitions: int, rng: np.random.Generator
) -> tuple[Floats, Callable[[Floats, Floats], Floats]]:
    """In which games each exchange keeps the submissions, (R, G), and how p follows: all if few, else random."""
    if 2**games <= repetitions:
        return (np.arange(2**games)[:, None] >> np.arange(games) & 1).astype(float), exact_p
    return rng.integers(0, 2, (repetitions, games)).astype(float), permutation_p


def _resamples(games: int, repetitions: int, rng: np.random.Generator) -> Floats:
    """Number of times each game is drawn in each resample; (R, G)."""
    if not games:
        raise ValueError("no game to resample")
    check_repetitions(repetitions)
    return rng.multinomial(games, np.full(games, 1 / games), size=repetitions).astype(float)


def resampled_scores(statistics: Sequence[Any], weights: Floats, *, visibility: bool = True) -> dict[str, Floats]:
    """Scores of many weightings of the same games, for either task.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample, whole numbers.
        visibility: also compute the scores by visibility (spotting).

    Returns:
        The fields of the score by name, each with a leading axis of length R.
    """
    scores: list[dict[str, Floats]] = []
    for start in range(0, len(weights), BLOCK):
        block = weights[start : start + BLOCK]
        if isinstance(statistics[0], SpottingStatistics):
            scores.append(resampled_spotting_scores(statistics, block, visibility=visibility))
        else:
            scores.append(resampled_grounding_scores(statistics, block))
    return (
        scores[0] if len(scores) == 1 else {name: np.concatenate([one[name] for one in scores]) for name in scores[0]}
    )
