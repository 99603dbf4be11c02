"""The error breakdown: each outcome by its definition, and the hits of the scorer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccerbench.events import Events
from soccerbench.metrics.error_breakdown import DETECTED, HAPPENED, most_confident, outcomes
from soccerbench.metrics.spotting_counts import spotting_statistics

FOUL, GOAL, CORNER = 10, 2, 13


def events(*rows: tuple[int, int, float] | tuple[int, int, float, float], sure: bool = False) -> Events:
    """(half, label, second[, confidence]) rows."""
    columns = np.array(rows, dtype=float).reshape(len(rows), -1).T if rows else np.empty((4, 0))
    half, label, second = columns[:3]
    confidence = columns[3] if sure else None
    return Events(half.astype(int), label.astype(int), np.rint(1000 * second).astype(int), confidence=confidence)


@pytest.mark.parametrize(
    ("targets", "detections", "detected", "happened"),
    [
        # at the edge of the window of 5 s, and half a second outside of it on either side
        ([(1, FOUL, 100)], [(1, FOUL, 102.5, 0.9)], ["hit"], ["hit"]),
        ([(1, FOUL, 100)], [(1, FOUL, 103, 0.9)], ["late"], ["late"]),
        ([(1, FOUL, 100)], [(1, FOUL, 97, 0.9)], ["early"], ["early"]),
        # near ends at 30 s
        ([(1, FOUL, 100)], [(1, FOUL, 130, 0.9)], ["late"], ["late"]),
        ([(1, FOUL, 100)], [(1, FOUL, 130.5, 0.9)], ["false"], ["missed"]),
        # the more confident of two at an event hits it; the other is a duplicate, and so is one near a hit event only
        ([(1, FOUL, 100)], [(1, FOUL, 100, 0.5), (1, FOUL, 101, 0.9)], ["duplicate", "hit"], ["hit"]),
        ([(1, FOUL, 100)], [(1, FOUL, 100, 0.5), (1, FOUL, 120, 0.9)], ["hit", "duplicate"], ["hit"]),
        # near two events, of which the nearer is hit: it means the one that nobody hit
        ([(1, FOUL, 100), (1, FOUL, 125)], [(1, FOUL, 100, 0.9), (1, FOUL, 106, 0.8)],
         ["hit", "early"], ["hit", "early"]),
        ([(1, FOUL, 100)], [(1, GOAL, 102.5, 0.9)], ["confused"], ["confused"]),
        ([(1, FOUL, 100)], [(1, GOAL, 103, 0.9)], ["false"], ["missed"]),
        # another class at the event; an unhit event of its own class comes first, a hit one makes it a duplicate
        ([(1, FOUL, 100)], [(1, GOAL, 101, 0.9)], ["confused"], ["confused"]),
        ([(1, FOUL, 100), (1, GOAL, 120)], [(1, GOAL, 101, 0.9)], ["early"], ["missed", "early"]),
        ([(1, FOUL, 100), (1, GOAL, 110)], [(1, GOAL, 110, 0.9), (1, GOAL, 101, 0.8)],
         ["hit", "duplicate"], ["missed", "hit"]),
        # a confused detection at an event that is hit by its own class changes nothing for the event
        ([(1, FOUL, 100)], [(1, FOUL, 100, 0.5), (1, GOAL, 100, 0.9)], ["hit", "confused"], ["hit"]),
        # the event gets the outcome of its most confident detection
        ([(1, FOUL, 100)], [(1, FOUL, 90, 0.5), (1, FOUL, 110, 0.9)], ["early", "late"], ["late"]),
        # the other half is another world
        ([(1, FOUL, 100)], [(2, FOUL, 100, 0.9)], ["false"], ["missed"]),
        ([(1, FOUL, 100)], [(2, GOAL, 100, 0.9)], ["false"], ["missed"]),
        ([], [(1, FOUL, 100, 0.9)], ["false"], []),
        ([(1, FOUL, 100)], [], [], ["missed"]),
    ],
)  # fmt: skip
def test_each_outcome_by_its_definition(targets, detections, detected, happened) -> None:
    found = outcomes(targets=events(*targets), detections=events(*detections, sure=True))
    assert [DETECTED[index] for index in found.detection] == detected
    assert [HAPPENED[index] for index in found.event] == happened


def test_what_a_confused_detection_was_taken_for() -> None:
    found = outcomes(
        targets=events((1, FOUL, 100), (1, CORNER, 102)),
        detections=events((1, GOAL, 101.5, 0.9), (1, FOUL, 90, 0.8), (2, FOUL, 1, 0.6), sure=True),
    )
    assert found.confused_with.tolist() == [CORNER, -1, -1]


def test_as_many_detections_count_as_there_are_events() -> None:
    games = [
        events((1, FOUL, 1, 0.5), (1, FOUL, 2, 0.9), (1, GOAL, 3, 0.1), sure=True),
        events((1, FOUL, 1, 0.6), (2, FOUL, 2, 0.5), sure=True),
    ]
    wanted = np.zeros(17, dtype=np.int64)
    wanted[FOUL] = 3
    assert [kept.tolist() for kept in most_confident(wanted, games)] == [[True, True, False], [True, False]]
    assert sum(kept.sum() for kept in most_confident(wanted, games, times=2)) == 4


instants = st.integers(0, 120)


@settings(max_examples=60)
@given(
    st.sets(st.tuples(st.integers(1, 2), st.integers(0, 2), instants), max_size=12),
    st.dictionaries(st.tuples(st.integers(1, 2), st.integers(0, 2), instants), st.floats(0, 1), max_size=20),
)
def test_the_hits_are_those_of_the_scorer(happened, detected) -> None:
    """Half-second frames, no two events or detections of a class in one."""
    targets = events(*((half, label, frame / 2) for half, label, frame in sorted(happened)))
    rows = [(*key[:2], key[2] / 2, confidence) for key, confidence in sorted(detected.items())]
    detections = events(*rows, sure=True)
    found = outcomes(targets=targets, detections=detections)
    (statistics,) = spotting_statistics(targets=[targets], detections=[detections], deltas_s=[5])
    assert (found.detection == 0).sum() == statistics.count[statistics.hits > 0].sum()
    assert (found.event == 0).sum() == (found.detection == 0).sum()
    assert all((found.confused_with >= 0) == (found.detection == DETECTED.index("confused")))
