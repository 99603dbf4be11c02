"""Greedy matching and suppression against the plainest loops that do the same."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from soccerbench.metrics.matching import confidence_order, greedy_hits, nearest_visible, suppress

frames = st.lists(st.integers(0, 60), unique=True, max_size=25).map(sorted)
confidence = st.integers(0, 4).map(lambda fourth: fourth / 4)


@settings(max_examples=300)
@given(frames, st.lists(st.tuples(st.integers(0, 60), confidence), unique_by=lambda item: item[0], max_size=25))
def test_greedy_hits(targets, found):
    found = sorted(found)
    reach = (0, 1, 3, 10, 60)
    places = np.array([frame for frame, _ in found], dtype=np.int64)
    scores = np.array([score for _, score in found], dtype=float)
    expected = []
    for width in reach:
        free = dict(enumerate(found))
        expected.append([])
        for target in targets:
            near = [index for index, (frame, _) in free.items() if abs(frame - target) <= width]
            best = max(near, key=lambda index: (found[index][1], -index), default=-1)
            free.pop(best, None)
            expected[-1].append(best)
    taken = np.full((len(reach), len(targets)), -1)
    matches = greedy_hits(np.array(targets, dtype=np.int64), places, scores, reach)
    assert {column.dtype for column in matches} == {np.dtype(np.int64)}
    for target, detection, tolerances in zip(*matches, strict=True):
        taken[[place for place in range(len(reach)) if tolerances >> place & 1], target] = detection
    assert taken.tolist() == expected


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), unique_by=lambda item: item[0], max_size=8))
def test_nearest_visible(events):
    """Every frame of a half: the nearest event's visibility, the later's half-way, cut to whole frames."""
    events = sorted(events)
    places = np.array([frame for frame, _ in events], dtype=np.int64) + 1000
    visible = np.array([shown for _, shown in events], dtype=bool)
    everywhere = np.arange(61)
    for group, expected in (
        (0, [False] * 61),
        (1, [any(events) and nearest(events, frame) for frame in range(61)]),
    ):
        assert nearest_visible(places, visible, everywhere + 1000 * group, 1000).tolist() == expected


def nearest(events, frame):
    owner = 0
    for index in range(1, len(events)):
        if frame >= (events[index - 1][0] + events[index][0]) // 2:
            owner = index
    return events[owner][1]


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 60), confidence), unique_by=lambda item: item[0], max_size=25),
    st.sampled_from([1, 1.5, 2, 5, 7.3, 60]),
    st.sampled_from(["soccernet", "strict"]),
)
def test_suppression(found, reach, protocol):
    found = sorted(found)
    before = math.ceil(reach) if protocol == "soccernet" else math.floor(reach)
    behind = math.floor(reach) - 1 if protocol == "soccernet" else math.floor(reach)
    remaining, kept = dict(found), []
    while remaining:
        frame = max(remaining, key=lambda frame: (remaining[frame], -frame))
        kept.append(frame)
        for dropped in range(frame - before, frame + behind + 1):
            remaining.pop(dropped, None)
    places = np.array([frame for frame, _ in found], dtype=np.int64)
    _, rank = confidence_order(np.array([score for _, score in found], dtype=float))
    assert places[suppress(places, rank, reach, protocol)].tolist() == sorted(kept)
