"""Spotting scores that can be worked out by hand, properties, and the strict protocol."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccerbench.events import Events
from soccerbench.metrics.spotting import average_map, spotting_score
from soccerbench.metrics.spotting_counts import spotting_statistics
from soccerbench.metrics.statistics import SpottingStatistics
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S

PROTOCOLS = ("soccernet", "strict")


def targets(*events, visible=None):
    """Targets from (half, label, seconds)."""
    columns = np.array(events, dtype=float).reshape(-1, 3).T
    shown = np.ones(len(events), dtype=bool) if visible is None else np.array(visible, dtype=bool)
    return Events(columns[0].astype(int), columns[1].astype(int), (columns[2] * 1000).astype(int), visible=shown)


def detections(*events):
    """Detections from (half, label, seconds, confidence)."""
    columns = np.array(events, dtype=float).reshape(-1, 4).T
    return Events(
        columns[0].astype(int), columns[1].astype(int), (columns[2] * 1000).astype(int), confidence=columns[3]
    )


def one_game(*, targets, detections, **options):
    return spotting_statistics(targets=[targets], detections=[detections], **options)[0]


def score(truth, found, deltas_s=(5,), protocol="soccernet", classes=1):
    return average_map(targets=[truth], detections=[found], deltas_s=deltas_s, classes=classes, protocol=protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("offset_s", "width_s", "hit"),
    [
        (2.5, 5, True),  # on the edge of the window
        (3.0, 5, False),  # one frame outside
        (-2.5, 5, True),
        (-3.0, 5, False),
        (2.999, 5, True),  # still in the frame of 2.5 s
        (-2.501, 5, False),  # already in the frame of 3 s before
        (0.5, 1, True),
        (0.5, 0.9, False),  # half of 0.9 s is less than a frame
    ],
)
def test_window(protocol, offset_s, width_s, hit):
    result = score(targets((1, 0, 100)), detections((1, 0, 100 + offset_s, 0.9)), (width_s,), protocol)
    assert result.average_map == hit


@pytest.mark.parametrize(
    ("found", "soccernet", "strict"),
    [
        # one of two events, then the other: recall 1/2 at precision 1, recall 1 at 2/3
        ([(100, 0.9), (150, 0.8), (200, 0.7)], (6 * 1 + 5 * 2 / 3) / 11, (1 + 2 / 3) / 2),
        # only one of the two
        ([(100, 0.9)], 6 / 11, 1 / 2),
        # a false alarm above both, within the same one of the 200 thresholds as the first
        ([(150, 0.9001), (100, 0.9), (200, 0.2)], (6 * 2 / 3 + 5 * 2 / 3) / 11, (1 / 2 + 2 / 3) / 2),
        # the first event takes the most confident in its window, the second the remaining one
        ([(100, 0.9), (101, 0.8)], 6 / 11, 1 / 2),
        ([], 0, 0),
    ],
)
def test_average_precision(found, soccernet, strict):
    truth = targets((1, 0, 100), (1, 0, 200))
    given = detections(*((1, 0, second, confidence) for second, confidence in found))
    assert score(truth, given).average_map == pytest.approx(soccernet, rel=0, abs=1e-15)
    assert score(truth, given, protocol="strict").average_map == pytest.approx(strict, rel=0, abs=1e-15)


def test_earlier_targets_choose_first():
    """The first target takes the most confident detection of both windows; the second gets the later one."""
    truth = targets((1, 0, 100), (1, 0, 102))
    assert score(truth, detections((1, 0, 101, 0.9), (1, 0, 104, 0.5))).average_map == 1
    assert score(truth, detections((1, 0, 101, 0.9), (1, 0, 99, 0.5))).average_map == pytest.approx(6 / 11)


def test_average_over_tolerances_is_a_trapezoid():
    result = score(targets((1, 0, 100)), detections((1, 0, 104, 0.9)), LOOSE_S)
    np.testing.assert_array_equal(result.map_per_tolerance, [0] + [1] * 11)
    assert result.average_map == 10.5 / 11


def test_visibility_is_inherited_from_the_nearest_target():
    truth = targets((1, 0, 100), (1, 0, 200), visible=[True, False])
    result = score(truth, detections((1, 0, 100, 0.9), (1, 0, 149.5, 0.95), (1, 0, 200, 0.9), (1, 0, 150, 0.1)))
    assert result.average_map_visible == 1 / 2  # the detection at 149.5 s is a false alarm of the visible event
    assert result.average_map_unshown == 1  # that at 150 s, half-way, one of the later; no 17/13 for one tolerance
    twice = score(truth, detections((1, 0, 200, 0.9)), (5, 10))
    assert twice.average_map_unshown == 17 / 13


def test_the_later_of_two_detections_in_a_frame_counts():
    truth = targets((1, 0, 100), (1, 0, 200))
    both = detections((1, 0, 200, 0.5), (1, 0, 100.1, 0.9), (1, 0, 100.2, 0.1), (1, 0, 150, 0.4))
    only = detections((1, 0, 200, 0.5), (1, 0, 100.2, 0.1), (1, 0, 150, 0.4))
    assert score(truth, both).average_map == score(truth, only).average_map != 1


def test_classes_without_targets():
    truth, found = targets((1, 0, 100)), detections((1, 0, 100, 0.9), (1, 1, 100, 0.9))
    official, strict = score(truth, found, classes=3), score(truth, found, protocol="strict", classes=3)
    assert official.average_map == pytest.approx(1 / 3)
    np.testing.assert_array_equal(official.per_class, [1, 0, 0])
    assert strict.average_map == strict.average_map_visible == 1
    np.testing.assert_array_equal(strict.per_class, [1, np.nan, np.nan])
    assert np.isnan(strict.average_map_unshown)


def test_strict_halves_are_as_long_as_they_are():
    truth, found = targets((1, 0, 7300)), detections((1, 0, 8000, 0.9))
    assert score(truth, found).average_map == 1  # both in the last official frame
    assert score(truth, found, protocol="strict").average_map == 0


def test_a_strict_hit_has_the_visibility_of_its_event():
    """Two events 4 s apart: a detection nearer to the later one is taken by the earlier one."""
    truth = targets((1, 0, 100), (1, 0, 104), visible=[True, False])
    found = detections((1, 0, 102.5, 0.9), (1, 0, 104, 0.8))
    assert score(truth, found).average_map_visible == 0
    strict = score(truth, found, protocol="strict")
    assert strict.average_map_visible == strict.average_map_unshown == 1


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((1, 0, 100, 1.5), "confidence 1.5"),
        ((1, 0, 100, -0.5), "confidence -0.5"),
        ((1, 0, 100, float("nan")), "confidence nan"),
        ((1, 0, -1, 0.5), "position -1000 ms"),
        ((1, 0, 10**6, 0.5), "position 1000000000 ms"),
        ((1, 0, 200.2, 0.5), "one frame"),
    ],
)
def test_strict_refuses_what_official_takes(found, message):
    truth, given = targets((1, 0, 100)), detections((1, 0, 200, 0.5), found)
    score(truth, given)
    with pytest.raises(ValueError, match=message):
        score(truth, given, protocol="strict")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"deltas_s": ()}, "0 tolerances"),
        ({"deltas_s": (0, 5)}, "positive"),
        ({"deltas_s": (5, float("nan"))}, "positive"),
        ({"deltas_s": (5, 5)}, "increase"),
        ({"deltas_s": range(1, 100)}, "99 tolerances"),
        ({"protocol": "official"}, "protocol 'official'"),
        ({"classes": 0}, "label 0"),
        ({"detections": targets((1, 0, 100))}, "without confidence"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    good = {"targets": targets((1, 0, 100)), "detections": detections((1, 0, 100, 0.9)), "deltas_s": (5,)}
    with pytest.raises(ValueError, match=message):
        one_game(**{**good, **arguments})


def test_wrong_events_are_named():
    with pytest.raises(ValueError, match="half 0"):
        targets((0, 0, 100))
    with pytest.raises(ValueError, match="2 values of label for 1 events"):
        Events([1], [0, 0], [100])
    with pytest.raises(TypeError):
        Events([1], [0], [100.5])
    with pytest.raises(ValueError, match="shape"):
        Events([[1]], [[0]], [[100]])


half_and_label = st.tuples(st.integers(1, 2), st.integers(0, 2))
events = st.lists(
    st.tuples(half_and_label, st.integers(0, 120), st.integers(0, 5), st.booleans()),
    unique_by=lambda event: event[:2],
    min_size=1,
    max_size=15,
)
games = st.lists(st.tuples(events, events), min_size=1, max_size=4)


def to_targets(rows):
    return targets(*((*key, frame / 2) for key, frame, _, _ in rows), visible=[shown for *_, shown in rows])


def to_detections(rows):
    return detections(*((*key, frame / 2, fifth / 5) for key, frame, fifth, _ in rows))


def assert_same(one, other):
    for name, value in vars(one).items():
        np.testing.assert_allclose(value, getattr(other, name), rtol=0, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=100)
@given(games=games, data=st.data())
def test_order_does_not_matter_and_inputs_stay(protocol, games, data):
    truth, found = [to_targets(rows) for rows, _ in games], [to_detections(rows) for _, rows in games]
    before = [
        {name: np.copy(value) for name, value in vars(game).items() if value is not None} for game in truth + found
    ]
    settings_of_score = {"deltas_s": TIGHT_S, "classes": 3, "protocol": protocol}
    expected = average_map(targets=truth, detections=found, **settings_of_score)
    for game, copies in zip(truth + found, before, strict=True):
        for name, value in copies.items():
            np.testing.assert_array_equal(getattr(game, name), value)
    order = data.draw(st.permutations(range(len(games))))
    shuffled = [data.draw(st.permutations(games[index][0])) for index in order]
    resorted = [data.draw(st.permutations(games[index][1])) for index in order]
    assert_same(
        average_map(
            targets=[to_targets(rows) for rows in shuffled],
            detections=[to_detections(rows) for rows in resorted],
            **settings_of_score,
        ),
        expected,
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=50)
@given(events)
def test_perfect_is_one_and_nothing_is_zero(protocol, rows):
    truth = to_targets([(*row[:3], True) for row in rows])
    labels = np.unique(truth.label)
    perfect = detections(*((*key, frame / 2, 1) for key, frame, _, _ in rows))
    assert np.all(score(truth, perfect, TIGHT_S, protocol, 3).per_class[labels] == 1)
    assert score(truth, detections(), TIGHT_S, protocol, 3).average_map == 0
    assert score(targets(), perfect, TIGHT_S, "soccernet", 3).average_map == 0
    assert np.isnan(score(targets(), perfect, TIGHT_S, "strict", 3).average_map)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=50)
@given(games)
def test_scores_come_from_statistics_that_add_up(protocol, games):
    truth, found = [to_targets(rows) for rows, _ in games], [to_detections(rows) for _, rows in games]
    options = {"deltas_s": TIGHT_S, "classes": 3, "protocol": protocol}
    together = spotting_statistics(targets=truth, detections=found, **options)
    alone = [one_game(targets=one, detections=other, **options) for one, other in zip(truth, found, strict=True)]
    assert [game.to_json() for game in together] == [game.to_json() for game in alone]
    restored = [SpottingStatistics.from_json(game.to_json()) for game in together]
    expected = average_map(targets=truth, detections=found, **options)
    assert_same(spotting_score(restored), expected)
    assert_same(spotting_score(restored), expected)
    np.testing.assert_array_equal(
        spotting_score([game.select([2, 0]) for game in together]).per_class, expected.per_class[[2, 0]]
    )


def test_rows_that_no_score_can_tell_apart_are_counted_together():
    found = detections(*((1, 0, second, 0.9) for second in range(200, 300)))
    statistics = one_game(targets=targets((1, 0, 100)), detections=found, deltas_s=LOOSE_S)
    assert statistics.to_json()["count"] == [100]
    assert statistics.to_json()["events_visible"] == [1] + [0] * 16


def test_batches_change_nothing(monkeypatch):
    truth = [targets((1, 0, 100 + game)) for game in range(5)]
    found = [detections((1, 0, 100, 0.9), (2, 0, 50, 0.3)) for _ in range(5)]
    options = {"targets": truth, "detections": found, "deltas_s": TIGHT_S}
    expected = [game.to_json() for game in spotting_statistics(**options)]
    monkeypatch.setattr("soccerbench.metrics.spotting_counts.BATCH", 25)
    assert [game.to_json() for game in spotting_statistics(**options)] == expected


def test_games_counted_differently_do_not_add_up():
    options = {"targets": targets((1, 0, 100)), "detections": detections((1, 0, 100, 0.9))}
    loose, tight = (one_game(**options, deltas_s=deltas_s) for deltas_s in (LOOSE_S, TIGHT_S))
    with pytest.raises(ValueError, match="counted alike"):
        spotting_score([loose, tight])
    with pytest.raises(ValueError, match="no game"):
        spotting_score([])
