"""How many detections each game has at each level: tables that are summed over games again and again.

Conventions
    table  D tolerances by L levels, from the surest down, by G games
    level  one at which nothing ever hits joins the next lower at which something does: it could neither be the best
           precision at any recall nor add to recall. What lies below all hits is the last level
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats, Ints
from soccerbench.metrics.statistics import SpottingStatistics

SPARSE = 8  # at least so many cells for each that is not empty: then adding beats multiplying matrices


class Table:
    """Counts of detections by tolerance, level and game.

    Args:
        cells: (D, L, G) counts.
    """

    def __init__(self, cells: Floats) -> None:
        *shape, games = cells.shape
        self._dense: Floats | None = None
        if games < SPARSE or np.count_nonzero(cells) * SPARSE > cells.size:
            self._dense = np.cumsum(cells, axis=1).swapaxes(1, 2)  # (D, G, L)
            return
        filled = np.flatnonzero(cells)
        level, self._game = np.divmod(filled, games)
        self._count = cells.ravel()[filled]
        end = np.cumsum(np.bincount(level, minlength=math.prod(shape)))  # among the filled cells
        self._end = end.reshape(shape)  # (D, L)
        self._begin = np.append(0, self._end[:-1, -1])  # (D,)

    def resampled(self, weights: Floats) -> Floats:
        """How many detections are as sure as each level, or surer, in weighted games; (R, G) in, (R, D, L) out."""
        if self._dense is not None:
            product: Floats = np.swapaxes(weights @ self._dense, 0, 1)
            return product
        sums = np.zeros((len(weights), len(self._game) + 1))
        np.cumsum(np.take(weights, self._game, axis=1) * self._count, axis=1, out=sums[:, 1:])
        counts: Floats = np.take(sums, self._end, axis=1) - np.take(sums, self._begin, axis=1)[..., None]
        return counts


class ClassTables:
    """The tables of one class.

    Args:
        game: (N,) game of each row.
        rows: level, hits, visible and count of each row, (N,) each; see `SpottingStatistics`.
        events: visible and unshown ones in each game, (G,) each.
        tolerances: D.
    """

    def __init__(
        self, game: Ints, rows: Sequence[npt.NDArray[Any]], events: tuple[Floats, Floats], tolerances: int
    ) -> None:
        level, self._hits, self._visible, self._count = rows
        self.events_visible, self.events_unshown = events
        levels = np.unique(-level[self._hits > 0])
        self.levels, self.games = len(levels) + 1, len(self.events_visible)
        self._cell = np.searchsorted(levels, -level) * self.games + game
        always = self._visible == 2**tolerances - 1
        self._partly = np.where(always, 0, self._visible)  # strict hits alone
        self.everything, self.always_visible = (self._table(rows, range(1)) for rows in (np.ones_like(always), always))

    def at(self, places: range, *, visibility: bool) -> list[Table]:
        """At some tolerances: the hits; if wanted, the visible hits, and what is visible here but not at every one."""
        masks = (self._hits, self._hits & self._visible, self._partly)
        return [self._table(mask, places) for mask in masks[: 3 if visibility else 1]]

    def _table(self, masks: npt.NDArray[Any], places: range) -> Table:
        """The rows that have the bits of these tolerances."""
        rows, shape = np.flatnonzero(masks), (len(places), self.levels, self.games)
        counts = (masks[rows] >> np.array(places)[:, None] & 1) * self._count[rows]  # (D, rows)
        cell = np.arange(len(places))[:, None] * (self.levels * self.games) + self._cell[rows]
        cells: Floats = np.bincount(cell.ravel(), weights=counts.ravel(), minlength=math.prod(shape)).astype(np.float64)
        return Table(cells.reshape(shape))


def tables_by_class(statistics: Sequence[SpottingStatistics]) -> Iterator[ClassTables]:
    """The tables of every class of some games, class by class."""
    label, *columns = (np.concatenate(parts) for parts in zip(*(game.rows() for game in statistics), strict=True))
    number = np.repeat(np.arange(len(statistics)), [len(game.label) for game in statistics])
    order = np.argsort(label.astype(np.int32), kind="stable")
    number, columns = number[order], [values[order] for values in columns]
    bounds = np.searchsorted(label[order], np.arange(statistics[0].classes + 1))
    visible = np.array([game.events_visible for game in statistics], dtype=float)  # (G, C)
    unshown = np.array([game.events_unshown for game in statistics], dtype=float)  # (G, C)
    for index, (start, stop) in enumerate(pairwise(bounds)):
        rows = [values[start:stop] for values in columns]
        events = (visible[:, index], unshown[:, index])
        yield ClassTables(number[start:stop], rows, events, len(statistics[0].deltas_s))
