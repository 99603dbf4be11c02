"""How many detections each game has at each level: tables that are summed over games again and again.

Conventions
    table  L levels, from the surest down, by G games
    level  one at which nothing ever hits joins the next lower at which something does: it could neither be the best
           precision at any recall nor add to recall. What lies below all hits is the last level
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.metrics.events import Floats, Ints
from soccerbench.metrics.statistics import SpottingStatistics

SPARSE = 8  # at least so many cells for each that is not empty: then adding beats multiplying matrices


class Table:
    """Counts of detections by level and game.

    Args:
        cells: (L * G,) counts, level by level.
        games: G.
    """

    def __init__(self, cells: Floats, games: int) -> None:
        levels = len(cells) // games
        self._dense: Floats | None = None
        if games < SPARSE or np.count_nonzero(cells) * SPARSE > len(cells):
            self._dense = np.cumsum(cells.reshape(levels, games), axis=0).T  # (G, L)
            return
        filled = np.flatnonzero(cells)
        level, self._game = np.divmod(filled, games)
        self._count = cells[filled]
        self._end = np.cumsum(np.bincount(level, minlength=levels))  # (L,) how many filled cells so sure levels have

    def resampled(self, weights: Floats) -> Floats:
        """How many detections are as sure as each level, or surer, in weighted games; (R, G) in, (R, L) out."""
        if self._dense is not None:
            product: Floats = weights @ self._dense
            return product
        sums = np.zeros((len(weights), len(self._game) + 1))
        np.cumsum(np.take(weights, self._game, axis=1) * self._count, axis=1, out=sums[:, 1:])
        return np.take(sums, self._end, axis=1)


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
        self.levels, self._games = len(levels) + 1, len(self.events_visible)
        self._cell = np.searchsorted(levels, -level) * self._games + game
        always = 2**tolerances - 1
        self._hitting = np.flatnonzero(self._hits)
        self._partly = np.flatnonzero((self._visible > 0) & (self._visible < always))  # strict hits alone
        self.everything = self._table(np.arange(len(level)))
        self.always_visible = self._table(np.flatnonzero(self._visible == always))

    def at(self, place: int, *, visibility: bool) -> list[Table]:
        """At one tolerance: the hits; if wanted, the visible hits, and what is visible here but not at every one."""
        hits = self._hitting[self._hits[self._hitting] >> place & 1 > 0]
        if not visibility:
            return [self._table(hits)]
        visible_hits = hits[self._visible[hits] >> place & 1 > 0]
        partly = self._partly[self._visible[self._partly] >> place & 1 > 0]
        return [self._table(rows) for rows in (hits, visible_hits, partly)]

    def _table(self, rows: Ints) -> Table:
        cells = np.bincount(self._cell[rows], weights=self._count[rows], minlength=self.levels * self._games)
        return Table(cells.astype(np.float64, copy=False), self._games)


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
