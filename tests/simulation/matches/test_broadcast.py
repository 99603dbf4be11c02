"""The broadcast against the published replay statistics (section 3.2.1 of the paper; the public challenge files)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from soccerbench.simulation.matches.published import OTHER_SHOTS_PER_GAME

REPLAYS_PER_GAME = 62.9
REPLAY_MEDIAN_S, REPLAY_MEAN_S, REPLAY_P5_S, REPLAY_P95_S = 6.69, 7.25, 3.76, 12.9
DIRECTLY_FOLLOWING_SHARE = 0.396  # replay shots that begin where another replay ends (1,246 of 3,146)
WITHIN_120_S_SHARE = 0.9283  # replays that end 0 to 120 s after the event they show
MOST_REPLAYED = ("Foul", "Goal", "Shots off target")  # the most frequent first


@pytest.fixture(scope="module")
def replays(season, shown):
    return [
        (match, shot) for match, shots in zip(season, shown, strict=True) for shot in shots if shot.kind == "replay"
    ]


def test_number_of_replays_and_of_other_shots(season, shown):
    kinds = Counter(shot.kind for shots in shown for shot in shots)
    assert kinds["replay"] / len(season) == pytest.approx(REPLAYS_PER_GAME, rel=0.05)
    assert kinds["other"] / len(season) == pytest.approx(OTHER_SHOTS_PER_GAME, rel=0.10)


def test_lengths_of_replays(replays):
    lengths_s = np.array([(shot.end_ms - shot.start_ms) / 1000 for _, shot in replays])
    assert lengths_s.mean() == pytest.approx(REPLAY_MEAN_S, rel=0.05)
    assert np.percentile(lengths_s, [5, 50, 95]) == pytest.approx(
        [REPLAY_P5_S, REPLAY_MEDIAN_S, REPLAY_P95_S], rel=0.10
    )


def test_share_that_directly_follows_another(replays, shown):
    following = sum(
        first.kind == second.kind == "replay" and first.half == second.half
        for shots in shown
        for first, second in pairwise(shots)
    )
    assert following / len(replays) == pytest.approx(DIRECTLY_FOLLOWING_SHARE, abs=0.03)


def test_delay_from_event_to_the_end_of_its_replay(replays):
    delays_s = np.array(
        [
            (shot.end_ms - match.events[shot.event].position_ms) / 1000
            for match, shot in replays
            if shot.event is not None and match.events[shot.event].half == shot.half
        ]
    )
    within = (delays_s >= 0) & (delays_s <= 120)
    assert within.mean() == pytest.approx(WITHIN_120_S_SHARE, abs=0.012)
    assert (delays_s < 0).any()
    assert (delays_s > 120).any()


def test_most_replayed_classes_come_in_the_published_order(replays):
    counts = Counter(match.events[shot.event].label for match, shot in replays if shot.event is not None)
    assert tuple(label for label, _ in counts.most_common(3)) == MOST_REPLAYED


def test_most_replays_have_a_link_and_a_few_lead_into_the_other_half(replays):
    linked = [(match.events[shot.event].half, shot.half) for match, shot in replays if shot.event is not None]
    assert 0.88 < len(linked) / len(replays) < 0.98
    assert 0.005 < np.mean([event != shot for event, shot in linked]) < 0.03


def test_shots_follow_each_other_without_gap_and_fill_both_halves(season, shown):
    for match, shots in zip(season, shown, strict=True):
        for half in (1, 2):
            here = [shot for shot in shots if shot.half == half]
            assert here[0].start_ms == 0
            assert here[-1].end_ms == 1000 * match.lengths_s[half - 1]
            assert all(first.end_ms == second.start_ms for first, second in pairwise(here))
            assert all(shot.start_ms < shot.end_ms for shot in here)


def test_nothing_covers_an_event_that_is_marked_as_visible(season, shown):
    for match, shots in zip(season, shown, strict=True):
        for shot in shots:
            if shot.kind != "real-time":
                assert not any(
                    event.visible and shot.start_ms <= event.position_ms <= shot.end_ms
                    for event in match.half(shot.half)
                )
