"""Average precision from the counts of games, for many resamples of the games at once, and its means.

Conventions
    L     levels, the first axis: from the most confident to the least; a detection passes every threshold at or
          below its level. The other axes are D tolerances, R resamples, …
    11pt  mean over the recalls 0, 0.1, …, 1 of the best precision at that recall or a higher one (soccernet)
    step  precision at each level, weighted by the recall that the level adds (strict)
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats, Ints, Protocol

STEPS = 10  # of recall
FEW = 8  # resamples
MOST_CELLS = 2**24  # that are held for each game


class GameCounts:
    """Number of detections of each game at each level and tolerance, to be summed over weighted games.

    Args:
        place: (N,) level * C + class of each detection, or of equal ones, from 0.
        game: (N,) its game, from 0.
        masks: (N,) bit d is set where it counts at tolerance d.
        count: (N,) how many equal ones there are.
        shape: L, C classes, D, G.
    """

    def __init__(self, place: Ints, game: Ints, masks: Ints, count: Floats, shape: tuple[int, int, int, int]) -> None:
        self.shape = shape
        rows, bit = np.flatnonzero(masks != 0), np.int64(0)
        self.some = len(rows) > 0
        if shape[2] > 1:
            counts = (masks[rows, None] >> np.arange(shape[2]) & 1).astype(np.bool_)
            row, bit = np.divmod(np.flatnonzero(counts), shape[2])  # much faster than `nonzero` in two dimensions
            rows = rows[row]
        if len(rows) < len(masks) or shape[2] > 1:
            place, game, count = place[rows], game[rows], count[rows]
        self._cell, self._game, self._count = place * shape[2] + bit, game, count

    def cumulative(self, weights: Floats) -> Floats:
        """The counts at each level or a more confident one: weights (R, G) in, (L, C, D, R) out, whole numbers."""
        levels = self.shape[:3]
        if len(weights) < FEW or math.prod(self.shape) > MOST_CELLS:
            cells = math.prod(levels)
            summed = [np.bincount(self._cell, self._count * one[self._game], cells) for one in weights]
            counts = np.stack(summed, axis=-1).astype(np.float64).reshape(*levels, len(weights))
            np.add.accumulate(counts, axis=0, out=counts)
            return counts
        exact = np.float32 if self._count.sum() * weights.max() < 2**24 else np.float64
        product: Floats = self._by_game.astype(exact, copy=False) @ weights.T.astype(exact)
        return product.reshape(*levels, len(weights))

    @cached_property
    def _by_game(self) -> npt.NDArray[np.float32]:
        """(L * C * D, G) the counts of each game, at each level or a more confident one."""
        cells = np.bincount(self._cell * self.shape[3] + self._game, self._count, math.prod(self.shape))
        return np.cumsum(cells.reshape(self.shape), axis=0, dtype=np.float32).reshape(-1, self.shape[3])


def average_precision(found: Floats, passed: Floats, events: Floats, protocol: Protocol) -> Floats:
    """Average precision of one class in many resamples, at many tolerances, …: all but the first axis are kept.

    Args:
        found: (L, …) how many detections of each level or a more confident one hit an event.
        passed: (L, …) how many detections there are.
        events: (…) how many events are to be found, whole numbers.
        protocol: "soccernet" for the 11-point rule, "strict" for the step rule.

    Returns:
        (…) in [0, 1]. Without an event 0 under `soccernet` and NaN under `strict`.
    """
    precision = np.divide(found, np.maximum(passed, 1), dtype=np.float64)
    if protocol == "strict":
        gains = np.moveaxis(precision * np.diff(found, axis=0, prepend=0), 0, -1)
        return _ratio(np.ascontiguousarray(gains).sum(axis=-1), events, otherwise=np.nan)  # pairwise: more exact
    best, found, events = (values.reshape(len(values), -1) for values in (precision, found, events[None]))
    for below, level in pairwise(best[::-1]):  # many times faster than `accumulate` for long rows
        np.maximum(below, level, out=level)
    columns, flat = best.shape[1], found.ravel()
    needed = np.ceil(events * np.arange(1, STEPS + 1)[:, None] / STEPS).astype(found.dtype)
    place = np.tile(np.arange(columns), (STEPS, 1))  # of the first level that reaches each recall, by bisection
    left = len(found)
    while left:
        half = (left + 1) // 2
        place += (flat.take(place + (half - 1) * columns, mode="clip") < needed) * (half * columns)
        left -= half
    total = best[0].copy()
    for reached in place:
        total += np.where(reached >= best.size, 0, best.ravel().take(reached, mode="clip"))  # 0: no level reaches it
    mean: Floats = total.reshape(precision.shape[1:]) / (STEPS + 1)
    return mean


def trapezoid_mean(values: Floats) -> Floats:
    """Mean over tolerances, the last axis, by the trapezoid rule with equal steps; a single value is its own mean."""
    if values.shape[-1] == 1:
        return np.asarray(values[..., 0])
    return np.asarray(((values[..., :-1] + values[..., 1:]) / 2).sum(axis=-1) / (values.shape[-1] - 1))


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=-1)
    total = np.where(defined, values, 0).sum(axis=-1)
    return _ratio(total, count, otherwise=np.nan)


def _ratio(part: Floats, whole: Floats | Ints, otherwise: float = 0.0) -> Floats:
    """`part / whole`, and `otherwise` where `whole` is 0."""
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0)
    return ratio
