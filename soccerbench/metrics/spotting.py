"""Average-mAP for action spotting.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py (MIT), whose numbers `soccernet` gives to the last bits.

Conventions
    per tolerance  average precision of every class, then the mean over classes
    average        trapezoid mean over the tolerances; a single tolerance is its own average
    visibility     a detection counts as visible or unshown as the nearest event of its class and half is
    no event       a class without any scores 0 (soccernet), or NaN outside of every mean (strict)
    unshown        the official average is scaled by 17/13, as for 17 classes of which 13 have such events, however many
                   there are: of a few chosen classes it can exceed 1; not so for a single tolerance
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soccerbench.events import Events, Floats, Protocol
from soccerbench.metrics.average_precision import average_precision, mean_of_defined, trapezoid_mean
from soccerbench.metrics.class_counts import ClassTables, tables_by_class
from soccerbench.metrics.spotting_counts import spotting_statistics_by_game
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
    tolerances, protocol = len(statistics[0].deltas_s), statistics[0].protocol
    per_class = [
        _class_precision(tables, weights, tolerances, protocol, visibility=visibility)
        for tables in tables_by_class(statistics)
    ]
    precision = np.stack(per_class, axis=2)  # (all, visible, unshown; R, C, D)
    per_tolerance = mean_of_defined(precision.swapaxes(-1, -2))  # (kinds, R, D)
    scores = {"map_per_tolerance": per_tolerance[0]}
    for name, overall, classes in zip(KINDS, trapezoid_mean(per_tolerance), trapezoid_mean(precision), strict=False):
        scores[f"average_map{name}"], scores[f"per_class{name}"] = overall, classes
    if visibility and protocol == "soccernet" and tolerances > 1:
        scores["average_map_unshown"] = scores["average_map_unshown"] * 17 / 13
    return scores


def _class_precision(
    tables: ClassTables, weights: Floats, tolerances: int, protocol: Protocol, *, visibility: bool
) -> Floats:
    """Average precision of one class, overall and by visibility; (kinds, R, D)."""
    visible, unshown = weights @ tables.events_visible, weights @ tables.events_unshown
    events = np.stack([visible + unshown, visible, unshown] if visibility else [visible + unshown])[..., None]
    precision = np.empty((len(events), len(weights), tolerances))
    everything, always_visible = tables.everything.resampled(weights), tables.always_visible.resampled(weights)
    levels = tables.levels
    for places in _chunks(tolerances, levels * max(tables.games, min(len(weights), CELLS // levels))):
        at = tables.at(range(tolerances)[places], visibility=visibility)
        for chosen in _chunks(len(weights), levels * len(range(tolerances)[places]) * len(events)):
            hits, *by_visibility = (table.resampled(weights[chosen]) for table in at)  # (r, d, L)
            found, passed = [hits], [np.broadcast_to(everything[chosen], hits.shape)]
            if visibility:
                visible_hits, partly = by_visibility
                shown = always_visible[chosen] + partly
                found += [visible_hits, hits - visible_hits]
                passed += [shown, passed[0] - shown]
            precision[:, chosen, places] = average_precision(
                np.stack(found), np.stack(passed), events[:, chosen], protocol
            )
    return precision


def _chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of `count` things that hold `size` numbers each, so that what is held at once stays in the cache."""
    step = max(1, CELLS // max(1, size))
    return (slice(start, start + step) for start in range(0, count, step))
