"""Average precision from the counts of games, for many resamples of the games at once, and its means.

Conventions
    L     levels, the first axis: from the most confident to the least; a detection passes every threshold at or
          below its level. The other axes are D tolerances, R resamples, …
    11pt  mean over the recalls 0, 0.1, …, 1 of the best precision at that recall or a higher one (soccernet)
    step  precision at each level, weighted by the recall that the level adds (strict)
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats, Ints, Protocol

STEPS = 10  # of recall
LONG = 128  # numbers in a row


class GameCounts:
    """Number of detections of each game at each level and tolerance, to be summed over weighted games.

    Args:
        level: (N,) level of each detection, or of equal ones, from 0.
        game: (N,) its game, from 0.
        masks: (N,) bit d is set where it counts at tolerance d.
        count: (N,) how many equal ones there are.
        shape: L, D, G.
    """

    def __init__(
        self, level: Ints, game: Ints, masks: npt.NDArray[Any], count: Ints, shape: tuple[int, int, int]
    ) -> None:
        self.shape = shape
        rows = np.flatnonzero(masks)
        self.some = len(rows) > 0
        row, bit = np.nonzero(masks[rows, None] >> np.arange(shape[1]) & 1)
        rows = rows[row]
        self._cell, self._game, self._count = level[rows] * shape[1] + bit, game[rows], count[rows].astype(np.float64)

    def cumulative(self, weights: Floats) -> Floats:
        """The counts at each level or a more confident one: weights (R, G) in, (L, D, R) out."""
        levels, tolerances, _ = self.shape
        if len(weights) == 1:  # an evaluation without intervals does not import scipy
            counted = self._count * weights[0, self._game]
            summed: Floats = np.bincount(self._cell, counted, levels * tolerances).astype(np.float64)
        else:
            summed = self._sparse @ weights.T
        cumulative: Floats = summed.reshape(levels, tolerances, len(weights))
        _accumulate(np.add, cumulative)
        return cumulative

    @cached_property
    def _sparse(self) -> Any:
        from scipy.sparse import csr_array

        levels, tolerances, games = self.shape
        return csr_array((self._count, (self._cell, self._game)), shape=(levels * tolerances, games))


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
    precision = found / np.maximum(passed, 1)
    if protocol == "strict":
        gains = np.moveaxis(precision * np.diff(found, axis=0, prepend=0), 0, -1)
        return _ratio(np.ascontiguousarray(gains).sum(axis=-1), events, otherwise=np.nan)  # pairwise: more exact
    levels, last = precision.shape[1:], len(precision) - 1
    best, found, events = (values.reshape(len(values), -1) for values in (precision, found, events[None]))
    _accumulate(np.maximum, best[::-1])
    columns, total = np.arange(best.shape[1]), best[0].copy()
    whole = np.min_scalar_type(int(max(found[-1].max(initial=0), events.max(initial=0))))
    found = found.astype(whole)  # comparing short integers, and adding bytes below, is faster
    counter = np.min_scalar_type(len(best))
    for step in range(1, STEPS + 1):
        short = found < np.ceil(events * step / STEPS).astype(whole)
        level = np.add.reduce(short.view(np.uint8), axis=0, dtype=counter)
        total += np.where(level > last, 0, best[np.minimum(level, last), columns])  # no level reaches the recall
    mean: Floats = total.reshape(levels) / (STEPS + 1)
    return mean


def _accumulate(add: np.ufunc, values: Floats) -> None:
    """`add.accumulate` over the first axis in place; row by row it is many times faster for long rows."""
    if values[0].size < LONG:
        add.accumulate(values, axis=0, out=values)
        return
    for before, row in pairwise(values):
        add(before, row, out=row)


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
