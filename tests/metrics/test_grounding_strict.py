"""The strict grounding protocol: every labelled replay counts, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccerbench.events import Annotations
from soccerbench.metrics.grounding import average_ap, grounding_score, grounding_statistics
from soccerbench.metrics.replay_matching import Replay
from soccerbench.metrics.statistics import GroundingStatistics
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S


def labels(*replays):
    """Annotations from (end second, event second, half of the event, label)."""
    ends, events, halves, classes = np.array(replays, dtype=np.int64).reshape(-1, 4).T
    yes = np.ones(len(ends), dtype=bool)
    return Annotations(ends, replay=yes, linked=yes, link_half=halves, link_label=classes, link_time_s=events)


def replay(half, end_s, *detections):
    times, scores = np.array(detections, dtype=float).reshape(-1, 2).T
    return Replay(half, end_s, times, scores)


def strict(annotations, replays, deltas_s=(5,)):
    return average_ap(annotations=[annotations], replays=[replays], deltas_s=deltas_s, protocol="strict")


def test_only_replays_linked_to_a_known_class_count():
    annotations = Annotations(
        time_s=[100, 200, 300, 400],
        replay=[True, False, True, True],
        linked=[True, True, False, True],
        link_half=[1, 1, 0, 1],
        link_label=[2, 2, -1, -1],
        link_time_s=[80, 180, 0, 380],
    )
    result = strict(annotations, [])
    assert (result.replays_scored, result.replays_missing, result.average_ap) == (1, 1, 0)


def test_detections_of_replays_without_a_label_do_not_count():
    result = strict(labels((100, 80, 1, 0)), [replay(1, 100, (80, 0.5)), replay(1, 150, (80, 0.9))])
    assert (result.replays_scored, result.replays_missing, result.average_ap) == (1, 0, 1)


def test_labels_of_the_same_second_take_one_replay_each():
    annotations = labels((100, 80, 1, 0), (100, 60, 1, 0))
    result = strict(annotations, [replay(1, 100, (80, 0.9)), replay(1, 100, (60, 0.8))])
    assert (result.replays_missing, result.average_ap) == (0, 1)
    assert strict(annotations, [replay(1, 100, (80, 0.9))]).replays_missing == 1


@pytest.mark.parametrize(
    ("second", "average"),
    [
        (82.5, 1),  # within the window of the more confident one, dropped
        (83.0, 1 / 2),  # beyond, kept and above the hit of the other replay
        (77.5, 1),  # dropped on this side too, which the official rule keeps
    ],
)
def test_suppression_is_the_hit_window(second, average):
    annotations = labels((100, 80, 1, 0), (200, 180, 1, 0))
    found = [replay(1, 100, (80, 0.9), (second, 0.8)), replay(1, 200)]
    official = average_ap(annotations=[unlinked_first(annotations)], replays=[found], deltas_s=(5,)).average_ap
    assert strict(annotations, found).average_ap == 1 / 2
    found = [replay(1, 100, (80, 0.9), (second, 0.8)), replay(1, 200, (180, 0.7))]
    assert strict(annotations, found).average_ap == pytest.approx((1 + average * 1 + (1 - average) * 1 / 3) / 2)
    assert official == 6 / 11


def unlinked_first(annotations):
    def behind(first, values):
        return np.concatenate([[first], values])

    return Annotations(
        behind(0, annotations.time_s),
        replay=behind(False, annotations.replay),
        linked=behind(False, annotations.linked),
        link_half=behind(0, annotations.link_half),
        link_label=behind(-1, annotations.link_label),
        link_time_s=behind(0, annotations.link_time_s),
    )


def test_no_fixed_length():
    assert strict(labels((4000, 3600, 1, 0)), [replay(1, 4000, (3600, 0.9))]).average_ap == 1


@pytest.mark.parametrize(
    ("detections", "message"),
    [
        ([(80, 1.5)], "score|confidence 1.5"),
        ([(80, float("nan"))], "confidence nan"),
        ([(-1, 0.5)], "time -1.0 s"),
        ([(80_000_000, 0.5)], "time 80000000.0 s"),
        ([(80.1, 0.5), (80.2, 0.6)], "one frame"),
    ],
)
def test_what_official_takes_is_refused(detections, message):
    with pytest.raises(ValueError, match=message):
        strict(labels((100, 80, 1, 0)), [replay(1, 100, *detections)])


detection = st.tuples(st.integers(0, 60), st.integers(0, 5))
detections = st.lists(detection, max_size=6, unique_by=lambda item: item[0])
games = st.lists(st.tuples(st.integers(0, 60), detections), min_size=1, max_size=6)


def submission(game):
    annotations = labels(*((100 * index + 90, event, 1, 0) for index, (event, _) in enumerate(game)))
    return annotations, [
        replay(1, 100 * index + 90, *((frame / 2, fifth / 5) for frame, fifth in found))
        for index, (_, found) in enumerate(game)
    ]


@settings(max_examples=100)
@given(games, st.data())
def test_a_replay_left_out_scores_as_one_with_no_detections(game, data):
    annotations, replays = submission(game)
    left_out = data.draw(st.integers(0, len(replays) - 1))
    emptied = [replay(1, one.end_s) if place == left_out else one for place, one in enumerate(replays)]
    removed = replays[:left_out] + replays[left_out + 1 :]
    one, other = strict(annotations, emptied, TIGHT_S), strict(annotations, removed, TIGHT_S)
    np.testing.assert_array_equal(one.ap_per_tolerance, other.ap_per_tolerance)
    assert (one.average_ap, one.replays_scored) == (other.average_ap, other.replays_scored)
    assert (one.replays_missing, other.replays_missing) == (0, 1)


@settings(max_examples=100)
@given(st.lists(games, min_size=1, max_size=3), st.data())
def test_order_does_not_matter_and_statistics_add_up(several, data):
    annotations, replays = zip(*map(submission, several), strict=True)
    options = {"deltas_s": LOOSE_S, "protocol": "strict"}
    expected = average_ap(annotations=annotations, replays=replays, **options)
    order = data.draw(st.permutations(range(len(several))))
    shuffled = [data.draw(st.permutations(replays[game])) for game in order]
    counts = grounding_statistics(annotations=[annotations[game] for game in order], replays=shuffled, **options)
    again = grounding_score([GroundingStatistics.from_json(game.to_json()) for game in counts])
    assert again.average_ap == pytest.approx(expected.average_ap, rel=0, abs=1e-15)
    assert again.replays_scored == expected.replays_scored == sum(map(len, several))


@settings(max_examples=50)
@given(games)
def test_perfect_is_one_and_nothing_is_zero(game):
    perfect = [(event, [(2 * event, 5)]) for event, _ in game]
    assert strict(*submission(perfect), TIGHT_S).average_ap == 1
    assert strict(*submission([(event, []) for event, _ in game]), TIGHT_S).average_ap == 0
    assert np.isnan(strict(labels(), []).average_ap)


def test_a_single_tolerance_is_its_own_average():
    annotations = unlinked_first(labels((100, 80, 1, 0)))
    result = average_ap(annotations=[annotations], replays=[[replay(1, 100, (80, 0.9))]], deltas_s=(5,))
    assert result.average_ap == 1


def test_a_submission_without_any_labelled_replay_has_no_official_score():
    with pytest.raises(ValueError, match="official scorer fails"):
        average_ap(annotations=[labels((100, 80, 1, 0))], replays=[[]], deltas_s=(5,))


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_batches_change_nothing(protocol, monkeypatch):
    annotations, replays = submission([(20 + index, [(40, 3), (45, 2), (60, 4)]) for index in range(8)])
    games = {"annotations": [unlinked_first(annotations)] * 3, "replays": [replays] * 3}
    options = {**games, "deltas_s": LOOSE_S, "protocol": protocol}
    expected = [game.to_json() for game in grounding_statistics(**options)]
    monkeypatch.setattr("soccerbench.metrics.grounding.BATCH", 1000)
    assert [game.to_json() for game in grounding_statistics(**options)] == expected
    assert any(game["hits"] for game in expected)


def test_columns_of_one_length():
    with pytest.raises(ValueError, match="1 values of replay for 2 annotations"):
        Annotations([1, 2], replay=[True], linked=[True, True], link_half=[1, 1], link_label=[0, 0], link_time_s=[1, 2])
    with pytest.raises(ValueError, match="0 scores for 1 detections"):
        Replay(1, 100, [80.0], [])


def test_a_wide_tolerance_reaches_over_all_that_is_given():
    """Event in the first frame, detection in the last one, within 60 s / 2."""
    assert strict(labels((100, 0, 1, 0)), [replay(1, 100, (30, 0.9))], (60,)).average_ap == 1
    assert strict(labels((100, 0, 1, 0)), [replay(1, 100, (30.5, 0.9))], (60,)).average_ap == 0


def test_officially_a_time_outside_of_the_vectors_fails_also_in_a_replay_that_does_not_count():
    annotations = unlinked_first(labels((100, 80, 1, 0)))
    found = [replay(1, 100, (80, 0.9)), replay(1, 200, (4000, 0.9))]
    with pytest.raises(ValueError, match="time 4000"):
        average_ap(annotations=[annotations], replays=[found], deltas_s=(5,))


def test_officially_a_link_first_of_all_fails_and_first_of_a_later_game_does_not():
    linked, found = labels((100, 80, 1, 0), (200, 180, 1, 0)), [replay(1, 100, (80, 0.9)), replay(1, 150, (80, 0.9))]
    games = {"annotations": [unlinked_first(linked), linked], "replays": [found, found], "deltas_s": (5,)}
    assert average_ap(**games).replays_scored == 2
    games["annotations"].reverse()
    with pytest.raises(ValueError, match="the first annotation of the first game has a link"):
        average_ap(**games)
