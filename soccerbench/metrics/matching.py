"""Which detections hit which targets: greedily, in the order of the targets, all tolerances and games at once.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py, whose loops this replaces.

Conventions
    place    group * stride + frame: an event's place on one line on which every (game, half, class) has a stretch of
             its own, so far from the next that no window reaches over
    order    targets before detections; both sorted by place, no two alike
    ties     of equally confident detections the earlier wins
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from soccerbench.metrics.events import Bools, Floats, Ints, Protocol


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
    """Indices from the surest detection to the least sure, ties in order, and the rank of each detection."""
    order = np.argsort(-confidence, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return order, rank


def greedy_hits(targets: Ints, detections: Ints, confidence: Floats, reach: Sequence[int]) -> Ints:
    """The detection that each target takes.

    Targets choose in order of time; each takes the surest detection within reach that no earlier one has taken.
    Only targets whose windows share detections depend on each other. Such chains are independent of one another,
    so the first targets of all chains choose at once, then the second ones, and so on.

    Args:
        targets: (T,) places.
        detections: (P,) places.
        confidence: (P,) confidences.
        reach: (D,) frames either side of a target.

    Returns:
        (D, T) index of the detection, -1 where none is left.
    """
    near, first, end = _windows(targets, detections, reach)  # (P',), (D, T), (D, T)
    order, rank = confidence_order(confidence[near])
    count = len(near)
    depth = _chain_depth(first, end)  # (D, T)

    free = np.tile(rank, len(reach))  # (D * P,) `count` once taken
    shift = np.repeat(np.arange(len(reach)) * count, len(targets))  # (D * T,) where a tolerance begins in `free`
    first, end, depth = first.ravel(), end.ravel(), depth.ravel()
    taken = np.full(len(first), -1)
    able = np.flatnonzero(first < end)
    able = able[np.argsort(depth[able], kind="stable")]
    for choosing in np.split(able, np.cumsum(np.bincount(depth[able]))[:-1]):
        if not len(choosing):
            continue
        members, begin = ranges(first[choosing] + shift[choosing], end[choosing] + shift[choosing])
        best = np.minimum.reduceat(free[members], begin)
        served, best = choosing[best < count], best[best < count]
        free[order[best] + shift[served]] = count
        taken[served] = near[order[best]]
    return taken.reshape(len(reach), len(targets))


def _windows(targets: Ints, detections: Ints, reach: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """The detections that any target can take, by index, and which of these each target can take at each tolerance.

    Pairs within the widest reach are looked up once; the narrower ones are counted among them.
    """
    start = np.searchsorted(detections, targets - max(reach), side="left")
    stop = np.searchsorted(detections, targets + max(reach), side="right")
    pairs, _ = ranges(start, stop)
    owner = np.repeat(np.arange(len(targets)), stop - start)
    offset = detections[pairs] - targets[owner]
    taken = np.zeros(len(detections) + 1, dtype=np.int64)
    taken[pairs + 1] = 1
    first = np.cumsum(taken)[start][:, None]  # (T, 1) numbered among those within reach
    widths = np.searchsorted(reach, np.abs(offset))  # the first tolerance that a pair is within
    size, shape = len(targets) * len(reach), (len(targets), len(reach))
    cell = owner * len(reach) + widths
    before = np.bincount(cell[offset < 0], minlength=size).reshape(shape)
    behind = np.bincount(cell[offset >= 0], minlength=size).reshape(shape)
    middle = first + before.sum(axis=1, keepdims=True)
    begin = middle - np.cumsum(before, axis=1)
    end = middle + np.cumsum(behind, axis=1)
    return np.flatnonzero(taken[1:]), np.ascontiguousarray(begin.T), np.ascontiguousarray(end.T)


def _chain_depth(first: Ints, end: Ints) -> Ints:
    """How many targets before this one, in an unbroken row, share detections with their successor; (D, T)."""
    index = np.broadcast_to(np.arange(first.shape[1]), first.shape)
    alone = np.ones(first.shape, dtype=bool)
    alone[:, 1:] = first[:, 1:] >= end[:, :-1]
    return index - np.maximum.accumulate(np.where(alone, index, 0), axis=1)


def nearest_visible(targets: Ints, visible: Bools, detections: Ints, stride: int) -> Bools:
    """Whether the target nearest to each detection, in its own group, was shown; False in a group without any.

    A detection half-way between two targets belongs to the later one; the middle is cut to a whole frame, so that of
    two targets in successive frames the earlier one owns nothing from its own frame on.

    Args:
        targets: (T,) places.
        visible: (T,) whether each was shown.
        detections: (P,) places.
        stride: length of a group's stretch in frames.

    Returns:
        (P,) bool.
    """
    if not len(targets):
        return np.zeros(len(detections), dtype=bool)
    group = targets // stride
    start = group * stride  # the first target owns its group's beginning
    later = np.flatnonzero(group[1:] == group[:-1]) + 1
    start[later] = (targets[later - 1] + targets[later]) // 2
    edges = [0, *np.searchsorted(detections, start), len(detections)]
    owner = np.repeat(np.arange(-1, len(start)), np.diff(edges))
    known: Bools = (owner >= 0) & (group[owner] == detections // stride) & visible[owner]
    return known


def suppress(place: Ints, rank: Ints, reach: float, protocol: Protocol) -> Bools:
    """Which detections remain when each, the surest first, drops the weaker ones around it.

    All detections that nothing surer and undecided could drop are decided at once, until none is undecided.
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
        surest = np.minimum.reduceat(np.where(undecided[members], rank[members], len(rank)), begin)
        chosen = open_[surest == rank[open_]]
        kept[chosen] = True
        members, _ = ranges(victims[0][chosen], victims[1][chosen])
        dropping = np.repeat(rank[chosen], victims[1][chosen] - victims[0][chosen])
        undecided[members[rank[members] >= dropping]] = False  # surer ones stand: the window is lopsided
    return kept


def batches(sizes: Sequence[int], limit: int) -> Iterator[slice]:
    """Cut things into runs whose sizes stay within the limit together, where a single one does."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total and total + size > limit:
            yield slice(start, index)
            start, total = index, 0
        total += size
    yield slice(start, len(sizes))
