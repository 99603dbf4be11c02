"""Counting what games contribute to a spotting score: frames, hits at every tolerance, visibility.

Many games are counted at once: events are placed on one axis, each (game, half, class) in a separate range.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from soccerbench.events import Bools, Events, Floats, Ints, Protocol, frames_of
from soccerbench.metrics.matching import batches, greedy_hits, nearest_visible
from soccerbench.metrics.statistics import SpottingStatistics
from soccerbench.metrics.tolerances import check_protocol, check_strict_confidences, check_tolerances, confidence_levels

BATCH = 10_000  # detections matched at once: few enough for the CPU cache


def spotting_statistics(
    *,
    targets: Sequence[Events],
    detections: Sequence[Events],
    deltas_s: Sequence[float],
    classes: int = 17,
    protocol: Protocol = "soccernet",
) -> list[SpottingStatistics]:
    """Count what each game contributes, many games at once.

    Args:
        targets: one a game.
        detections: one a game, in the same order, with confidences.
        deltas_s: (D,) window widths in seconds, increasing.
        classes: labels are below this number.
        protocol: under `soccernet` input is read as the official scorer reads it: of two detections of a class in a
            frame the later counts, detections with a confidence below 0 or NaN are ignored, positions past two hours
            are in the last frame, negative ones count from the end of the two hours. Under `strict` these are errors
            (and a half has no maximum length); of targets of a class in one frame one counts, visible if any is; a hit
            has the visibility of the event it hits.

    Returns:
        One a game, in order.

    Raises:
        ValueError: see `protocol`; a position before the half by more than two hours; an unknown label.
    """
    check_protocol(protocol)
    deltas = check_tolerances(deltas_s)
    if len(targets) != len(detections):
        raise ValueError(f"{len(targets)} games of targets, {len(detections)} of detections: both need the same games")
    return [
        game
        for batch in batches([len(game) for game in detections], BATCH)
        for game in _count(targets[batch], detections[batch], deltas, classes, protocol)
    ]


def _count(
    targets: Sequence[Events], detections: Sequence[Events], deltas: tuple[float, ...], classes: int, protocol: Protocol
) -> list[SpottingStatistics]:
    """The statistics of a batch of games."""
    target_group, target_frame = _locate(targets, classes, protocol)
    group, frame = _locate(detections, classes, protocol)
    longest = int(max(target_frame.max(initial=0), frame.max(initial=0))) + 1
    stride = 2 * longest
    reach = [min(int(delta), longest) for delta in deltas]

    places, visible = _distinct_targets(
        target_group * stride + target_frame, np.concatenate([game.shown for game in targets]), protocol
    )
    found, confidence = _distinct_detections(
        group * stride + frame, np.concatenate([game.confidences for game in detections]), protocol
    )
    owner, taken, matches = greedy_hits(places, found, confidence, reach)
    hits = _total(taken, matches, len(found))
    shown = np.where(nearest_visible(places, visible, found, stride), 2 ** len(deltas) - 1, 0)
    if protocol == "strict":
        shown = (shown & ~hits) | _total(taken, matches * visible[owner], len(found))

    group, level = found // stride, confidence_levels(confidence, protocol)
    bounds = np.searchsorted(group, np.arange(len(targets) + 1) * 2 * classes)
    label, once = group % classes, np.ones_like(group)
    cell = places // stride // (2 * classes) * classes + places // stride % classes
    size = len(targets) * classes
    seen = np.bincount(cell[visible], minlength=size).reshape(-1, classes)
    unseen = np.bincount(cell[~visible], minlength=size).reshape(-1, classes)
    return [
        SpottingStatistics(
            protocol, deltas, label[rows], level[rows], hits[rows], shown[rows], once[rows], seen[game], unseen[game]
        )
        for game, rows in enumerate(slice(start, stop) for start, stop in pairwise(bounds))
    ]


def _locate(games: Sequence[Events], classes: int, protocol: Protocol) -> tuple[Ints, Ints]:
    """Group (game, half, class) and frame of every event."""
    label = np.concatenate([game.label for game in games])
    wrong = label[(label < 0) | (label >= classes)]
    if len(wrong):
        raise ValueError(f"label {wrong[0]}: there are {classes} classes, from 0 to {classes - 1}")
    half = np.concatenate([game.half for game in games])
    number = np.repeat(np.arange(len(games)), [len(game) for game in games])
    position_ms = np.concatenate([game.position_ms for game in games])
    return (number * 2 + half - 1) * classes + label, frames_of(position_ms, protocol)


def _distinct_targets(place: Ints, visible: Bools, protocol: Protocol) -> tuple[Ints, Bools]:
    """Targets sorted by place, one a place: the last given (soccernet), or visible if any is (strict)."""
    order = np.argsort(place, kind="stable")
    place, visible = place[order], visible[order]
    if protocol == "soccernet":
        last = np.append(place[1:] != place[:-1], np.ones(min(len(place), 1), dtype=bool))
        return place[last], visible[last]
    place, first = np.unique(place, return_index=True)
    return place, np.logical_or.reduceat(visible, first) if len(place) else visible


def _distinct_detections(place: Ints, confidence: Floats, protocol: Protocol) -> tuple[Ints, Floats]:
    """Detections sorted by place, one a place."""
    order = np.argsort(place, kind="stable")
    place, confidence = place[order], confidence[order]
    last = np.append(place[1:] != place[:-1], np.ones(min(len(place), 1), dtype=bool))
    if protocol == "soccernet":
        place, confidence = place[last], confidence[last]
        counted = confidence >= 0
        return place[counted], confidence[counted]
    check_strict_confidences(confidence)
    if not last.all():
        raise ValueError("two detections of one class in one frame (half a second): keep the more confident one")
    return place, confidence


def _total(index: Ints, masks: Ints, count: int) -> Ints:
    """Sum of the masks at each index, no bit set twice; (Q,) in, (count,) out."""
    return np.bincount(index, weights=masks, minlength=count).astype(np.int64)
