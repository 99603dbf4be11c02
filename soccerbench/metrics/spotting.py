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
from typing import Any

import numpy as np

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
    per_class = [_class_precision(statistics, label, weights, kinds) for label in range(statistics[0].classes)]
    precision = np.stack(per_class, axis=2)  # (all, visible, unshown; R, C, D)
    per_tolerance = mean_of_defined(precision.swapaxes(-1, -2))  # (kinds, R, D)
    scores = {"map_per_tolerance": per_tolerance[0]}
    for name, overall, classes in zip(KINDS, trapezoid_mean(per_tolerance), trapezoid_mean(precision), strict=False):
        scores[f"average_map{name}"], scores[f"per_class{name}"] = overall, classes
    if visibility and statistics[0].protocol == "soccernet" and len(statistics[0].deltas_s) > 1:
        scores["average_map_unshown"] = scores["average_map_unshown"] * 17 / 13
    return scores


def _class_precision(statistics: Sequence[SpottingStatistics], label: int, weights: Floats, kinds: int) -> Floats:
    """Average precision of one class, overall and by visibility; (kinds, R, D)."""
    protocol, tolerances = statistics[0].protocol, len(statistics[0].deltas_s)
    rows = [np.flatnonzero(game.label == label) for game in statistics]
    level, hits, visible, count = (
        np.concatenate([getattr(game, name)[row] for game, row in zip(statistics, rows, strict=True)])
        for name in ("level", "hits", "visible", "count")
    )
    levels, column = np.unique(-level, return_inverse=True)  # from the surest down
    shape = (len(statistics), len(levels))  # (G, L)
    cell = np.repeat(np.arange(shape[0]), [len(row) for row in rows]) * shape[1] + column
    events = [weights @ np.array([game.events_visible[label] for game in statistics], dtype=float)]
    events.append(weights @ np.array([game.events_unshown[label] for game in statistics], dtype=float))
    wanted = np.stack([sum(events), *events])[:kinds, :, None]  # (kinds, R, 1)

    def table(masks: Ints, place: int) -> Floats:
        """The (G, L) counts of the rows whose mask has the bit of a tolerance."""
        members = np.flatnonzero(masks >> place & 1)
        counts = np.bincount(cell[members], weights=count[members], minlength=shape[0] * shape[1])
        return counts.reshape(shape).astype(np.float64, copy=False)

    precision = np.empty((kinds, len(weights), tolerances))
    for places in _chunks(tolerances, shape[0] * shape[1]):
        masks = (hits, np.full_like(hits, -1), hits & visible, visible)[: 4 if kinds > 1 else 2]
        tables = np.array([[table(mask, place) for place in range(tolerances)[places]] for mask in masks])
        for resamples in _chunks(len(weights), tables[0, :, 0].size):
            counts = np.matmul(weights[resamples], tables)  # (masks, d, r, L)
            if kinds > 1:
                counts = np.concatenate([counts, counts[:2] - counts[2:]])
            found, passed = counts[::2].swapaxes(1, 2), counts[1::2].swapaxes(1, 2)  # (kinds, r, d, L)
            precision[:, resamples, places] = average_precision(found, passed, wanted[:, resamples], protocol)
    return precision


def _chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of `count` things that hold `size` numbers each, so that what is held at once stays in the cache."""
    step = max(1, CELLS // max(1, size))
    return (slice(start, start + step) for start in range(0, count, step))
