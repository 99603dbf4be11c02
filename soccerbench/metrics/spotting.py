"""Average-mAP for action spotting.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py (MIT), which `soccernet` reproduces to 1e-12.

Conventions
    per tolerance  average precision of every class, then the mean over classes
    average        trapezoid mean over the tolerances; a single tolerance is its own average
    visibility     a detection counts as visible or unshown as the nearest event of its class and half is
    no event       a class without events scores 0 (soccernet), or NaN and is left out of every mean (strict)
    unshown        the official average is scaled by 17/13, as for 17 classes of which 13 have such events, however many
                   there are: of a few chosen classes it can exceed 1; not so for a single tolerance
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.events import Events, Floats, Ints, Protocol
from soccerbench.metrics.average_precision import GameCounts, average_precision, mean_of_defined, trapezoid_mean
from soccerbench.metrics.spotting_counts import spotting_statistics
from soccerbench.metrics.statistics import SpottingStatistics, check_alike

CELLS: dict[Protocol, int] = {"soccernet": 2**19, "strict": 2**21}  # numbers in memory at once
THREADS = min(os.cpu_count() or 1, 4)
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
    """Score the detections of some games; the arguments are those of `spotting_statistics`."""
    return spotting_score(
        spotting_statistics(
            targets=targets, detections=detections, deltas_s=deltas_s, classes=classes, protocol=protocol
        )
    )


def spotting_score(statistics: Sequence[SpottingStatistics]) -> SpottingScore:
    """The score of these games together.

    Raises:
        ValueError: no game, or games counted by different protocols, tolerances or classes.
    """
    scores = resampled_spotting_scores(statistics, np.ones((1, len(statistics))))
    fields: dict[str, Any] = {name: float(value[0]) if value.ndim == 1 else value[0] for name, value in scores.items()}
    return SpottingScore(**fields)


def resampled_spotting_scores(
    statistics: Sequence[SpottingStatistics], weights: Floats, *, visibility: bool = True
) -> dict[str, Floats]:
    """Scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample, whole numbers.
        visibility: also compute the scores by visibility, which triples the time.

    Returns:
        The fields of SpottingScore by name, each with a leading axis of length R.
    """
    check_alike(statistics)
    deltas_s, protocol = statistics[0].deltas_s, statistics[0].protocol
    columns = [np.concatenate(parts) for parts in zip(*(game.rows() for game in statistics), strict=True)]
    columns.append(np.repeat(np.arange(len(statistics)), [len(game.label) for game in statistics]))
    shown, unshown = (
        np.array([getattr(game, name) for game in statistics], dtype=float).T  # (C, G)
        for name in ("events_visible", "events_unshown")
    )
    kinds, classes = len(KINDS) if visibility else 1, statistics[0].classes
    precision = np.empty((kinds, len(weights), classes, len(deltas_s)))

    def score_classes(first: int, stop: int) -> None:
        rows = np.flatnonzero((columns[0] >= first) & (columns[0] < stop)) if stop - first < classes else slice(None)
        label, *others = (values[rows] for values in columns)
        events = np.stack([shown + unshown, shown, unshown])[:kinds, first:stop]
        counts = _Counts(label - first, *others, events=events, tolerances=len(deltas_s))
        step = max(1, CELLS[protocol] // counts.cells)
        for chosen in (slice(start, start + step) for start in range(0, len(weights), step)):
            precision[:, chosen, first:stop] = counts.precision(weights[chosen], protocol)

    if len(weights) == 1 and protocol == "soccernet":  # of 200 levels at most
        score_classes(0, classes)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(THREADS) as pool:  # numpy computes without the interpreter's lock
            list(pool.map(score_classes, range(classes), range(1, classes + 1)))
    per_tolerance = mean_of_defined(precision.swapaxes(-1, -2))  # (kinds, R, D)
    scores = {"map_per_tolerance": per_tolerance[0]}
    for name, overall, each in zip(KINDS, trapezoid_mean(per_tolerance), trapezoid_mean(precision), strict=False):
        scores[f"average_map{name}"], scores[f"per_class{name}"] = overall, each
    if visibility and protocol == "soccernet" and len(deltas_s) > 1:
        scores["average_map_unshown"] = scores["average_map_unshown"] * 17 / 13
    return scores


class _Counts:
    """The counts of some classes: columns of `SpottingStatistics` with the game of each row, (kinds, C, G) events.

    A level at which nothing hits joins the next less confident one at which something does: it can neither be the best
    precision at any recall nor add to recall. Those below all hits are the last level.
    """

    def __init__(
        self,
        label: Ints,
        level: npt.NDArray[Any],
        hits: Ints,
        visible: Ints,
        count: Ints,
        game: Ints,
        *,
        events: Floats,
        tolerances: int,
    ) -> None:
        hit_levels, _ = np.unique(-level[hits > 0], return_index=True)  # without an index it imports numpy.ma
        self.events = events
        kinds, classes, games = events.shape
        self.cells = (len(hit_levels) + 1) * classes * tolerances * kinds
        place, often = _places(hit_levels, -level) * classes + label, count.astype(np.float64)

        def counts(masks: Ints, tolerances: int = tolerances) -> GameCounts:
            return GameCounts(place, game, masks, often, (len(hit_levels) + 1, classes, tolerances, games))

        always = (visible == 2**tolerances - 1).astype(np.int64)
        self.everything, self.hits = counts(np.ones_like(always), 1), counts(hits)
        self.always_visible, self.visible_hits = counts(always, 1), counts(hits & visible)
        self.partly_visible = counts(np.where(always, 0, visible))  # strict hits alone

    def precision(self, weights: Floats, protocol: Protocol) -> Floats:
        """Average precision of each kind in weighted games; (kinds, R, C, D)."""
        hits, everything = self.hits.cumulative(weights), self.everything.cumulative(weights)
        found, passed = hits[:, None], everything[:, None]  # (L, kinds, C, D, R)
        if len(self.events) > 1:
            visible = self.always_visible.cumulative(weights)
            if self.partly_visible.some:
                visible = visible + self.partly_visible.cumulative(weights)
            shown = self.visible_hits.cumulative(weights)
            found = np.stack([hits, shown, hits - shown], axis=1)
            passed = np.stack([np.broadcast_to(everything, visible.shape), visible, everything - visible], axis=1)
        events = np.broadcast_to((self.events @ weights.T)[:, :, None], found.shape[1:])
        return np.moveaxis(average_precision(found, passed, events, protocol), -1, 1)


def _places(levels: npt.NDArray[Any], values: npt.NDArray[Any]) -> Ints:
    """`np.searchsorted`, by a table where whole numbers are near each other."""
    low = values.min(initial=0)
    if values.dtype != np.int64 or values.max(initial=0) - low > len(values):
        return np.searchsorted(levels, values)
    places: Ints = np.searchsorted(levels, np.arange(low, values.max(initial=0) + 1))[values - low]
    return places
