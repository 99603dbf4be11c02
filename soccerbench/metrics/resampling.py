"""Confidence intervals of scores over games, and the paired comparison of two submissions.

A test set is a sample of games, so games are resampled: the score of a resample is computed from the sum of the counts
of its games.

Conventions
    percentile   interval between quantiles of the resampled scores; its coverage was the best of percentile, BCa and
                 studentised intervals (benchmarks/interval_coverage.py, results/intervals)
    permutation  under the null hypothesis the two submissions are exchangeable in every game: p is the share of
                 random exchanges, the observed one included, with at least as large a difference
    names        results are keyed by the field of the score and have its shape
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, stdev
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats
from soccerbench.metrics.grounding import resampled_grounding_scores
from soccerbench.metrics.spotting import resampled_spotting_scores
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics

Statistics = TypeVar("Statistics", SpottingStatistics, GroundingStatistics)
ROUNDING = 1e-12  # differences closer than this are equal


@dataclass(frozen=True, eq=False)
class Interval:
    """Confidence interval of a score over games of the same kind; NaN where there is no score.

    Attributes:
        level: probability, such as 0.95.
        low, high: ends, of the shape of the score.
        repetitions: number of resamples.
        method: of the interval.
    """

    level: float
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    repetitions: int
    method: str = "percentile"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Whether submission a is better than b on the same games; each part keyed by the field of the score."""

    difference: dict[str, Floats]
    interval: dict[str, Interval]
    p_value: dict[str, Floats]
    games: int
    method: str = "paired permutation"


def bootstrap(
    statistics: Sequence[Statistics], *, repetitions: int, rng: np.random.Generator, level: float = 0.95
) -> dict[str, Interval]:
    """Intervals of every score of these games.

    Args:
        statistics: one a game.
        repetitions: number of resamples of the games, at least 1.
        rng: random generator.
        level: probability, in (0, 1).

    Returns:
        An interval for every field of the score.
    """
    scores = resampled_scores(statistics, _resamples(len(statistics), repetitions, rng))
    return {name: percentile(values, level) for name, values in scores.items()}


def compare(
    a: Sequence[Statistics],
    b: Sequence[Statistics],
    *,
    repetitions: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Comparison:
    """Compare two submissions game by game.

    Args:
        a: statistics of the first submission, one a game.
        b: those of the second, of the same games in the same order.
        repetitions: number of resamples of the games for the intervals, and of exchanges for the p-values.
        rng: random generator.
        level: probability of the intervals, in (0, 1).

    Raises:
        ValueError: different numbers of games, or games counted differently.
    """
    return compare_means([a], [b], repetitions=repetitions, rng=rng, level=level)


def compare_means(
    a: Sequence[Sequence[Statistics]],
    b: Sequence[Sequence[Statistics]],
    *,
    repetitions: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Comparison:
    """Compare the mean scores of several submissions each, such as runs from several seeds.

    A resample of the games, or an exchange in some of them, is the same for all pairs.

    Args:
        a: for each pair the statistics of its first submission, one a game.
        b: for each pair those of its second, of the same games in the same order.
        repetitions: as in `compare`.
        rng: the same.
        level: the same.

    Raises:
        ValueError: no pair, different numbers of submissions or games, or games counted differently.
    """
    sizes = {len(statistics) for statistics in (*a, *b)}
    if len(a) != len(b) or len(sizes) != 1:
        first, second = (", ".join(str(len(statistics)) for statistics in side) for side in (a, b))
        raise ValueError(f"{first} games against {second}: both need the same games")
    rescore = partial(resampled_scores, visibility=False)
    once, weights = np.ones((1, len(a[0]))), _resamples(len(a[0]), repetitions, rng)
    kept = rng.integers(0, 2, weights.shape).astype(float)
    one, other = np.hstack([kept, 1 - kept]), np.hstack([1 - kept, kept])

    def differences(x: Sequence[Any], y: Sequence[Any]) -> tuple[dict[str, Floats], ...]:
        """Of one pair: as observed, in each resample, after each exchange."""
        return (
            _difference(rescore(x, once), rescore(y, once)),
            _difference(rescore(x, weights), rescore(y, weights)),
            _difference(rescore([*x, *y], one), rescore([*x, *y], other)),
        )

    observed, resampled, exchanged = map(_mean, zip(*map(differences, a, b), strict=True))
    return Comparison(
        difference={name: values[0] for name, values in observed.items()},
        interval={name: percentile(values, level) for name, values in resampled.items()},
        p_value={name: permutation_p(observed[name], values) for name, values in exchanged.items()},
        games=len(a[0]),
    )


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation of a measure over seeds; no deviation for a single seed."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def percentile(values: Floats, level: float) -> Interval:
    """The interval between the quantiles of resampled scores, (R, …) in."""
    if not 0 < level < 1:
        raise ValueError(f"level {level}: it must be between 0 and 1 (given in per cent?)")
    defined = ~np.isnan(values).all(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    if defined.any():
        ends[:, defined] = np.nanquantile(values[:, defined], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Interval(level, ends[0], ends[1], len(values))


def permutation_p(observed: Floats, exchanged: Floats) -> Floats:
    """Two-sided p-value of a difference, (1, …), among those of random exchanges, (R, …)."""
    as_large = (np.abs(exchanged) >= np.abs(observed) - ROUNDING).sum(axis=0)
    return np.where(np.isnan(observed[0]), np.nan, (1 + as_large) / (1 + len(exchanged)))


def _difference(first: dict[str, Floats], second: dict[str, Floats]) -> dict[str, Floats]:
    return {name: first[name] - second[name] for name in first}


def _mean(scores: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.mean([score[name] for score in scores], axis=0) for name in scores[0]}


def _resamples(games: int, repetitions: int, rng: np.random.Generator) -> Floats:
    """Number of times each game is drawn in each resample; (R, G)."""
    if not games:
        raise ValueError("no game to resample")
    if repetitions < 1:
        raise ValueError(f"{repetitions} repetitions: at least one is needed")
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
    if isinstance(statistics[0], SpottingStatistics):
        return resampled_spotting_scores(statistics, weights, visibility=visibility)
    return resampled_grounding_scores(statistics, weights)
