"""Average-mAP for action spotting.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py (MIT), whose numbers `soccernet` gives to the last bits.

Conventions
    per tolerance  average precision of every class, then the mean over classes
    average        trapezoid mean over the tolerances; a single tolerance is its own average
    visibility     a detection counts as visible or unshown as the nearest event of its class and half is
    no event       a class without any scores 0 (soccernet), or NaN outside of every mean (strict)
    unshown        the official average over 17 classes is scaled by 17/13, except for a single tolerance
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.metrics.counting import spotting_statistics_by_game
from soccerbench.metrics.events import Events, Floats, Ints, Protocol
from soccerbench.metrics.precision import average_precision, mean_of_defined, trapezoid_mean
from soccerbench.metrics.statistics import SpottingStatistics, check_alike, combine

CELLS = 2**18  # numbers held at once: about two megabytes
KINDS = ("", "_visible", "_unshown")


@dataclass(frozen=True, eq=False)
class SpottingScore:
    """Fractions in [0, 1]; NaN for what has no event (strict).

    Attributes:
        average_map, average_map_visible, average_map_unshown: overall.
        per_class, per_class_visible, per_class_unshown: (C,) average over the tolerances.
        map_per_tolerance: (D,) mean over the classes.
    """

    average_map: float
    average_map_visible: float
    average_map_unshown: float
    per_class: Floats
    per_class_visible: Floats
    per_class_unshown: Floats
    map_per_tolerance: Floats


def average_map(
    *,
    targets: Sequence[Events],
    detections: Sequence[Events],
    deltas_s: Sequence[float],
    classes: int = 17,
    protocol: Protocol = "soccernet",
) -> SpottingScore:
    """Score the detections of some games; the arguments are those of `spotting_statistics_by_game`."""
    return spotting_score(
        spotting_statistics_by_game(
            targets=targets, detections=detections, deltas_s=deltas_s, classes=classes, protocol=protocol
        )
    )


def spotting_score(statistics: Sequence[SpottingStatistics]) -> SpottingScore:
    """The score of these games together.

    Raises:
        ValueError: no game, or games counted by different protocols, tolerances or classes.
    """
    scores = resampled_spotting_scores([combine(statistics)], np.ones((1, 1)))
    fields: dict[str, Any] = {name: float(value[0]) if value.ndim == 1 else value[0] for name, value in scores.items()}
    return SpottingScore(**fields)


def resampled_spotting_scores(
    statistics: Sequence[SpottingStatistics], weights: Floats, *, visibility: bool = True
) -> dict[str, Floats]:
    """The scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample.
        visibility: whether the scores by visibility are wanted, which take twice as long again.

    Returns:
        The fields of SpottingScore by name, each with a leading axis of length R.
    """
    check_alike(statistics)
    kinds = 3 if visibility else 1
    tolerances, protocol = len(statistics[0].deltas_s), statistics[0].protocol
    per_class = [_class_precision(tables, weights, kinds, tolerances, protocol) for tables in _by_class(statistics)]
    precision = np.stack(per_class, axis=2)  # (all, visible, unshown; R, C, D)
    per_tolerance = mean_of_defined(precision.swapaxes(-1, -2))  # (kinds, R, D)
    scores = {"map_per_tolerance": per_tolerance[0]}
    for name, overall, classes in zip(KINDS, trapezoid_mean(per_tolerance), trapezoid_mean(precision), strict=False):
        scores[f"average_map{name}"], scores[f"per_class{name}"] = overall, classes
    if visibility and protocol == "soccernet" and tolerances > 1:
        scores["average_map_unshown"] = scores["average_map_unshown"] * 17 / 13
    return scores


def _class_precision(tables: _Tables, weights: Floats, kinds: int, tolerances: int, protocol: Protocol) -> Floats:
    """Average precision of one class, overall and by visibility; (kinds, R, D)."""
    visible, unshown = weights @ tables.events_visible, weights @ tables.events_unshown
    events = np.stack([visible + unshown, visible, unshown])[:kinds, :, None]  # (kinds, R, 1)
    precision = np.empty((kinds, len(weights), tolerances))
    for places in _chunks(tolerances, tables.size):
        stacked = np.stack([tables.at(place, kinds) for place in range(tolerances)[places]], axis=1)
        for resamples in _chunks(len(weights), stacked[0, :, 0].size):
            counts = np.matmul(weights[resamples], stacked)  # (2 or 4, d, r, L)
            if kinds > 1:
                counts = np.concatenate([counts, counts[:2] - counts[2:]])
            hits, detections = counts[::2].swapaxes(1, 2), counts[1::2].swapaxes(1, 2)  # (kinds, r, d, L)
            precision[:, resamples, places] = average_precision(hits, detections, events[:, resamples], protocol)
    return precision


class _Tables:
    """How many detections of one class each game has at each level: (G, L) tables.

    A level at which nothing ever hits joins the next lower one at which something does: it could neither be the best
    precision at a recall nor add to recall. Those below all hits are the last column.
    """

    def __init__(
        self, game: Ints, rows: Sequence[npt.NDArray[Any]], events: tuple[Floats, Floats], always: int
    ) -> None:
        level, self._hits, self._visible, self._count = rows
        self.events_visible, self.events_unshown = events  # (G,) each
        levels = np.unique(-level[self._hits > 0])  # from the surest down
        self._shape = (len(self.events_visible), len(levels) + 1)
        self.size = self._shape[0] * self._shape[1]
        self._cell = game * self._shape[1] + np.searchsorted(levels, -level)
        self._hitting = np.flatnonzero(self._hits)
        self._partly = np.flatnonzero((self._visible > 0) & (self._visible < always))  # strict hits alone
        self._all = self._table(np.arange(len(level)))
        self._always_visible = self._table(np.flatnonzero(self._visible == always))

    def at(self, place: int, kinds: int) -> list[Floats]:
        """At one tolerance: hits and all detections, and for more kinds than one the visible among both."""
        hits = self._hitting[self._hits[self._hitting] >> place & 1 > 0]
        if kinds == 1:
            return [self._table(hits), self._all]
        visible_hits = hits[self._visible[hits] >> place & 1 > 0]
        partly = self._partly[self._visible[self._partly] >> place & 1 > 0]
        return [self._table(hits), self._all, self._table(visible_hits), self._always_visible + self._table(partly)]

    def _table(self, rows: Ints) -> Floats:
        counts = np.bincount(self._cell[rows], weights=self._count[rows], minlength=self.size)
        return counts.reshape(self._shape).astype(np.float64, copy=False)


def _by_class(statistics: Sequence[SpottingStatistics]) -> Iterator[_Tables]:
    """The tables of every class."""
    label, *columns = (np.concatenate(parts) for parts in zip(*(game.rows() for game in statistics), strict=True))
    game = np.repeat(np.arange(len(statistics)), [len(game.label) for game in statistics])
    order = np.argsort(label.astype(np.int32), kind="stable")
    game, columns = game[order], [values[order] for values in columns]
    bounds = np.searchsorted(label[order], np.arange(statistics[0].classes + 1))
    visible = np.array([game.events_visible for game in statistics], dtype=float)  # (G, C)
    unshown = np.array([game.events_unshown for game in statistics], dtype=float)
    always = 2 ** len(statistics[0].deltas_s) - 1
    for index, (start, stop) in enumerate(pairwise(bounds)):
        rows = [values[start:stop] for values in columns]
        yield _Tables(game[start:stop], rows, (visible[:, index], unshown[:, index]), always)


def _chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of `count` things that hold `size` numbers each, so that what is held at once stays in the cache."""
    step = max(1, CELLS // max(1, size))
    return (slice(start, start + step) for start in range(0, count, step))
