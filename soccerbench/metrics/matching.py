"""Greedy matching of detections with targets in the order of the targets, all tolerances and games at once.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py, whose loops this replaces.

Conventions
    place    group * stride + frame: an event's position on one axis on which every (game, half, class) has a separate
             range, with gaps wider than any window
    order    targets before detections; both sorted by place, no two alike
    ties     of equally confident detections the earlier wins
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from soccerbench.events import Bools, Floats, Ints, Protocol


def ranges(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """All integers of the half-open ranges one after another, and where each range begins among them."""
    length = stop - start
    begin = np.cumsum(length) - length
    filled = np.flatnonzero(length)
    start, stop = start[filled], stop[filled]
    steps = np.ones(length.sum(), dtype=np.int64)
    steps[:1] = start[:1]
    steps[begin[filled[1:]]] = start[1:] - stop[:-1] + 1  # from the end of one range to the next
    return np.cumsum(steps), begin


def confidence_order(confidence: Floats) -> tuple[Ints, Ints]:
    """Indices from the most to the least confident detection, ties in order, and the rank of each detection."""
    order = np.argsort(-confidence, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return order, rank


def greedy_hits(targets: Ints, detections: Ints, confidence: Floats, reach: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Which target takes which detection, at which tolerances.

    Targets choose in order of time; each takes the most confident detection within reach that no earlier one has
    taken. All tolerances are processed at once: a mask holds those at which a target or a detection is still unmatched.

    Args:
        targets: (T,) places.
        detections: (P,) places.
        confidence: (P,) confidences.
        reach: (D,) frames either side of a target, increasing.

    Returns:
        Index of the target, index of the detection and the mask, bit d for reach[d], of every pair that some tolerance
        makes; (Q,) each.
    """
    start = np.searchsorted(detections, targets - reach[-1], side="left")
    stop = np.searchsorted(detections, targets + reach[-1], side="right")
    near, _ = ranges(start, stop)
    owner = np.repeat(np.arange(len(targets)), stop - start)
    _, rank = confidence_order(confidence[near])
    order = np.argsort(owner * len(near) + rank)
    owner, near = owner[order], near[order]
    everywhere = 2 ** len(reach) - 1
    narrowest = np.searchsorted(reach, np.abs(detections[near] - targets[owner]))
    within = everywhere >> narrowest << narrowest

    open_targets, free, taken = [everywhere] * len(targets), [everywhere] * len(detections), []
    for target, detection, mask in zip(owner.tolist(), near.tolist(), within.tolist(), strict=True):
        match = open_targets[target] & free[detection] & mask
        open_targets[target] ^= match
        free[detection] ^= match
        taken.append(match)
    matches = np.array(taken, dtype=np.int64)
    made = np.flatnonzero(matches)
    return owner[made], near[made], matches[made]


def nearest_visible(targets: Ints, visible: Bools, detections: Ints, stride: int) -> Bools:
    """Whether the target nearest to each detection, in its own group, was shown; False in a group without any.

    A detection midway between two targets belongs to the later one; the midpoint is rounded down to a whole frame, so
    that of two targets in successive frames the earlier one owns nothing from its own frame on.

    Args:
        targets: (T,) places.
        visible: (T,) whether each was shown.
        detections: (P,) places.
        stride: length of a group's range in frames.

    Returns:
        (P,) bool.
    """
    if not len(targets):
        return np.zeros(len(detections), dtype=bool)
    group = targets // stride
    start = group * stride  # the first target owns the start of its group
    later = np.flatnonzero(group[1:] == group[:-1]) + 1
    start[later] = (targets[later - 1] + targets[later]) // 2
    owner = np.searchsorted(start, detections, side="right") - 1
    known: Bools = (owner >= 0) & (group[owner] == detections // stride) & visible[owner]
    return known


def suppress(place: Ints, rank: Ints, reach: float, protocol: Protocol) -> Bools:
    """Non-maximum suppression: which detections remain when each, the most confident first, drops weaker ones near it.

    Each pass keeps every detection without a more confident undecided one near it, until none is undecided.
    """
    before, behind = math.ceil(reach), math.floor(reach) - (protocol == "soccernet")
    if protocol == "strict":
        before = behind
    kept, undecided = np.zeros(len(place), dtype=bool), np.ones(len(place), dtype=bool)
    rivals = np.searchsorted(place, place - behind), np.searchsorted(place, place + before, side="right")
    victims = np.searchsorted(place, place - before), np.searchsorted(place, place + behind, side="right")
    while undecided.any():
        open_ = np.flatnonzero(undecided)
        members, begin = ranges(rivals[0][open_], rivals[1][open_])
        strongest = np.minimum.reduceat(np.where(undecided[members], rank[members], len(rank)), begin)
        chosen = open_[strongest == rank[open_]]
        kept[chosen] = True
        members, _ = ranges(victims[0][chosen], victims[1][chosen])
        dropping = np.repeat(rank[chosen], victims[1][chosen] - victims[0][chosen])
        undecided[members[rank[members] >= dropping]] = False  # stronger ones remain: the window is asymmetric
    return kept


def batches(sizes: Sequence[int], limit: int) -> Iterator[slice]:
    """Slices of consecutive items whose total size is within the limit; a larger item is a slice by itself."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total and total + size > limit:
            yield slice(start, index)
            start, total = index, 0
        total += size
    yield slice(start, len(sizes))
