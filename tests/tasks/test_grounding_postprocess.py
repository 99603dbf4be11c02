"""Each step on a worked example: the numbers were found by hand from section 4.3.2 of the paper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.events import Events
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.specs.grounding import Filter, Fuse
from soccerbench.tasks.grounding_postprocess import distinct, filter_before, fuse, join, postprocess, scaled, suppress

START_S, END_S = 200, 210
FUSE = Fuse.model_construct(labels=(CLASSES[3],), score=0.1, window_s=42, nearest=1.25, second=0.8)


def replay(*detections: tuple[float, float], start_s: int = START_S, end_s: int = END_S) -> ReplayDetections:
    time_s, score = np.array(detections, dtype=float).reshape(-1, 2).T
    return ReplayDetections(1, start_s, end_s, time_s, score)


def pairs(found: ReplayDetections) -> list[tuple[float, float]]:
    return list(zip(found.time_s.tolist(), found.score.tolist(), strict=True))


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        ("replace", [(100, 0.5), (180, 0.5), (205, 0.6)]),
        ("append", [(100, 0.5), (170, 0.3), (180, 0.5), (205, 0.6)]),
        ("only", [(180, 0.5)]),
    ],
)
def test_what_becomes_of_the_detections(combine: str, expected: list[tuple[float, float]]) -> None:
    found = replay((100, 0.5), (170, 0.3), (205, 0.6))
    step = FUSE.model_copy(update={"combine": combine})
    result = fuse(step, found, np.array([180.0]), np.array([0.4]))
    assert pairs(result) == expected
    nothing = fuse(step, found, np.array([100.0]), np.array([0.4]))
    assert pairs(nothing) == pairs(found)


def fused(found: ReplayDetections, *spotted: tuple[float, float]) -> list[tuple[float, float]]:
    time_s, confidence = np.array(spotted, dtype=float).reshape(-1, 2).T
    return pairs(fuse(FUSE, found, time_s, confidence))


def test_filtering_counts_back_from_the_end_of_the_replay() -> None:
    found = replay((109.5, 0.9), (110, 0.1), (150, 0.2), (205, 0.3), (210, 0.4), (210.5, 0.8))
    # [210 - 100, 210]: both ends stay, half a second outside of either goes
    assert pairs(filter_before(found, before_s=100)) == [(110, 0.1), (150, 0.2), (205, 0.3), (210, 0.4)]


def test_fusion_takes_the_two_nearest_events_and_drops_the_detections_of_the_window() -> None:
    found = replay((100, 0.5), (160, 0.9), (199, 0.7), (205, 0.6))
    # window [158, 200]; nearest 190 at 0.4 * 1.25, second 180 at 0.5 * 0.8; 165 is third
    assert fused(found, (165, 0.99), (180, 0.5), (190, 0.4)) == [(100, 0.5), (180, 0.4), (190, 0.5), (205, 0.6)]


@pytest.mark.parametrize(
    ("spotted", "expected"),
    [
        ([(158, 0.5)], [(158, 0.625)]),  # on the far edge of [T - W, T]
        ([(200, 0.5)], [(200, 0.625)]),  # at T
        ([(157.9, 0.5)], [(170, 0.3)]),  # a moment too early: nothing spotted, what was grounded stays
        ([(200.1, 0.5)], [(170, 0.3)]),  # after the replay began: the action comes before its replay
        ([(190, 0.9)], [(190, 1.0)]),  # 0.9 * 1.25 is clipped
        ([(190, 0.2), (190, 0.4)], [(190, 0.5)]),  # equally near: the more confident; one a half second stays
        ([], [(170, 0.3)]),
    ],
)
def test_fusion_at_its_edges(spotted: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    assert fused(replay((170, 0.3)), *spotted) == expected


def test_scores_of_a_model_are_scaled_together() -> None:
    games = [
        GroundingPredictions("a", (replay((1, 0.2), (2, 0.4)), replay((3, 0.6)))),
        GroundingPredictions("b", (replay((4, 0.3)), replay())),
    ]
    found = [[pairs(one) for one in game.replays] for game in scaled(games)]
    expected = [[[(1, 0.0), (2, 0.5)], [(3, 1.0)]], [[(4, 0.25)], []]]
    for game, wanted in zip(found, expected, strict=True):
        for one, numbers in zip(game, wanted, strict=True):
            assert one == [pytest.approx(pair, rel=0, abs=1e-12) for pair in numbers]
    same = scaled([GroundingPredictions("a", (replay((1, 0.3), (2, 0.3)),))])
    assert pairs(same[0].replays[0]) == [(1, 1.0), (2, 1.0)]
    assert scaled([]) == []


def test_suppression_keeps_the_most_confident_within_half_a_window() -> None:
    joined = join(replay((100, 0.5), (130, 0.6)), replay((112.5, 0.7), (143, 0.6), (155, 0.1)))
    # 112.5 silences 100 (12.5 s away) but not 130; 130 and 143 are 13 s apart; 143 silences 155
    assert pairs(suppress(joined, window_s=25)) == [(112.5, 0.7), (130, 0.6), (143, 0.6)]


def test_detections_of_different_replays_are_not_joined() -> None:
    with pytest.raises(ValueError, match="the same is needed"):
        join(replay(), replay(end_s=211))


def test_one_detection_a_half_second_and_none_beyond_the_official_vectors() -> None:
    found = distinct(replay((10.4, 0.1), (10.0, 0.3), (9.9, 0.2), (3499.5, 0.4), (3500.0, 0.9)))
    assert pairs(found) == [(9.9, 0.2), (10.0, 0.3), (3499.5, 0.4)]


detections = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 1)), max_size=12)


@given(detections, detections, st.floats(1, 60))
def test_no_step_changes_its_input_or_leaves_the_unit_interval(
    grounded: list[tuple[float, float]], spotted: list[tuple[float, float]], window_s: float
) -> None:
    found, before = replay(*grounded), replay(*grounded)
    results = [distinct(found), filter_before(found, before_s=window_s), suppress(found, window_s=window_s)]
    results.append(replay(*fused(found, *spotted)))
    results.append(scaled([GroundingPredictions("a", (found,))])[0].replays[0])
    np.testing.assert_array_equal(found.time_s, before.time_s)
    np.testing.assert_array_equal(found.score, before.score)
    assert all(((result.score >= 0) & (result.score <= 1)).all() for result in results)
    kept = np.sort(results[2].time_s)
    assert (np.diff(kept) > window_s / 2).all()


def test_games_are_fused_with_the_events_of_their_half_class_and_score() -> None:
    events = Events(
        half=np.array([1, 1, 2, 1]),
        label=np.array([3, 4, 3, 3]),
        position_ms=np.array([180_000, 190_000, 195_000, 185_000]),
        confidence=np.array([0.4, 0.9, 0.9, 0.1]),
        game="game",
    )
    game = GroundingPredictions("game", (replay((170, 0.3)),))
    (fused,) = postprocess(FUSE, [game], [events])
    assert [pairs(one) for one in fused.replays] == [[(180, 0.5)]]
    (left,) = postprocess(Filter(step="filter", before_s=20), [game], [events])
    assert [pairs(one) for one in left.replays] == [[]]
