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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soccerbench.metrics.events import Events, Floats, Protocol
from soccerbench.metrics.precision import average_precision, mean_of_defined, trapezoid_mean
from soccerbench.metrics.statistics import SpottingStatistics, check_alike, combine, spotting_statistics_by_game

CELLS = 4_000_000  # resamples times levels held at once


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


def resampled_spotting_scores(statistics: Sequence[SpottingStatistics], weights: Floats) -> dict[str, Floats]:
    """The scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample.

    Returns:
        The fields of SpottingScore by name, each with a leading axis of length R.
    """
    check_alike(statistics)
    shape = (3, len(weights), statistics[0].classes, len(statistics[0].deltas_s))
    precision = np.empty(shape)  # (all, visible, unshown; R, C, D)
    for label in range(statistics[0].classes):
        precision[:, :, label] = _class_precision(statistics, label, weights)
    per_tolerance = mean_of_defined(precision.swapaxes(-1, -2))  # (3, R, D)
    overall, visible, unshown = trapezoid_mean(per_tolerance)
    if statistics[0].protocol == "soccernet" and len(statistics[0].deltas_s) > 1:
        unshown = unshown * 17 / 13
    per_class = trapezoid_mean(precision)
    return {
        "average_map": overall,
        "average_map_visible": visible,
        "average_map_unshown": unshown,
        "per_class": per_class[0],
        "per_class_visible": per_class[1],
        "per_class_unshown": per_class[2],
        "map_per_tolerance": per_tolerance[0],
    }


def _class_precision(statistics: Sequence[SpottingStatistics], label: int, weights: Floats) -> Floats:
    """Average precision of one class, overall and by visibility; (3, R, D)."""
    protocol, deltas_s = statistics[0].protocol, statistics[0].deltas_s
    rows = [np.flatnonzero(game.label == label) for game in statistics]
    game = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    level, hits, visible, count = (
        np.concatenate([getattr(game, name)[row] for game, row in zip(statistics, rows, strict=True)])
        for name in ("level", "hits", "visible", "count")
    )
    levels, column = np.unique(-level, return_inverse=True)  # from the surest down
    events = np.stack(
        [[game.events_visible[label] for game in statistics], [game.events_unshown[label] for game in statistics]]
    )

    def resampled(members: Any) -> Floats:
        """The (R, L) counts of the rows that are `members`."""
        cells = np.bincount(
            game[members] * len(levels) + column[members],
            weights=count[members],
            minlength=len(statistics) * len(levels),
        )
        return weights @ cells.reshape(len(statistics), len(levels))

    everything = resampled(slice(None))
    seen, unseen = weights @ events[0], weights @ events[1]
    precision = np.empty((3, len(weights), len(deltas_s)))
    for place in range(len(deltas_s)):
        hit, shown = (hits >> place & 1).astype(bool), (visible >> place & 1).astype(bool)
        found, found_shown, shown_all = resampled(hit), resampled(hit & shown), resampled(shown)
        precision[0, :, place] = average_precision(found, everything, seen + unseen, protocol)
        precision[1, :, place] = average_precision(found_shown, shown_all, seen, protocol)
        precision[2, :, place] = average_precision(found - found_shown, everything - shown_all, unseen, protocol)
    return precision
