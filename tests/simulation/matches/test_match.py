"""The model of the game against the 500 public label files (totals in `published.py`) and the laws of the game."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest

from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.published import (
    EVENT_TOTALS,
    NOT_SHOWN_TOTALS,
    not_shown_share,
)
from soccerbench.soccernet.classes import CLASSES

STOPS = {"Ball out of play", "Foul", "Offside", "Goal"}
RESTARTS = {"Kick-off", "Throw-in", "Clearance", "Corner", "Indirect free-kick", "Direct free-kick", "Penalty"}


def neighbours(season: list[Match]) -> list[tuple[Event, Event]]:
    return [pair for match in season for half in (1, 2) for pair in pairwise(match.half(half))]


def test_published_totals_add_up():
    assert sum(EVENT_TOTALS.values()) == 110_458  # FACTS of the public files: events, and those not shown
    assert sum(NOT_SHOWN_TOTALS.values()) == 19_677


@pytest.mark.parametrize("label", CLASSES)
def test_rate_of_each_class_is_the_published_one(season, label):
    """Within four standard errors of the simulated mean, plus 5 % for the rounding of the model's constants."""
    counts = np.array([sum(event.label == label for event in match.events) for match in season])
    error = counts.std() / np.sqrt(len(counts))
    a_game = EVENT_TOTALS[label] / 500
    assert abs(counts.mean() - a_game) < 4 * error + 0.05 * a_game


def test_games_are_as_eventful_and_as_different_as_real_ones(season):
    totals = np.array([len(match.events) for match in season])
    assert totals.mean() == pytest.approx(220.9, rel=0.03)  # 110,458 / 500
    assert totals.std() == pytest.approx(28.0, rel=0.20)  # of the 500 public files


@pytest.mark.parametrize("label", CLASSES)
def test_share_that_is_not_shown_is_the_published_one(season, label):
    """Within four standard errors of a binomial share."""
    hidden = [not event.visible for match in season for event in match.events if event.label == label]
    share = not_shown_share(label)
    assert abs(np.mean(hidden) - share) <= 4 * np.sqrt(share * (1 - share) / len(hidden))


def test_unshown_events_come_in_runs_as_long_as_the_public_ones(season):
    runs = [
        len(list(run))
        for match in season
        for half in (1, 2)
        for is_shown, run in groupby(event.visible for event in match.half(half))
        if not is_shown
    ]
    assert np.mean(runs) == pytest.approx(1.0875, abs=0.012)  # independent draws give 1.074


def test_a_kick_off_by_the_other_side_follows_each_goal_unless_the_half_ends(season):
    followed = 0
    for match in season:
        for half in (1, 2):
            events = [event for event in match.half(half) if event.label != "Substitution"]
            for goal, following in pairwise(events):
                if goal.label == "Goal":
                    assert (following.label, following.team) == ("Kick-off", "away" if goal.team == "home" else "home")
                    followed += 1
    assert followed > 500


def test_a_goal_comes_of_a_shot_on_target_by_the_same_side(season):
    for before, event in neighbours(season):
        if event.label == "Goal":
            assert (before.label, before.team) == ("Shots on target", event.team)


@pytest.mark.parametrize("restart", ["Throw-in", "Corner", "Clearance"])
def test_these_restarts_follow_a_ball_out(season, restart):
    for match in season:
        for half in (1, 2):
            events = [event.label for event in match.half(half) if event.label != "Substitution"]
            assert all(
                events[place - 1] == "Ball out of play" for place, label in enumerate(events) if label == restart
            )


def test_play_stops_before_it_is_restarted(season):
    """No two throw-ins without a ball out between them, and so for every restart."""
    for match in season:
        for half in (1, 2):
            labels = [event.label for event in match.half(half) if event.label in STOPS | RESTARTS]
            assert not any({first, second} <= RESTARTS for first, second in pairwise(labels))


def test_free_kicks_and_penalties_go_to_the_other_side(season):
    for match in season:
        for half in (1, 2):
            events = [event for event in match.half(half) if event.label in STOPS | RESTARTS]
            for stop, kick in pairwise(events):
                if stop.label in ("Foul", "Offside") and kick.label in RESTARTS:
                    assert kick.team != stop.team


def test_second_yellow_follows_a_yellow_of_that_side(season):
    sent_off = 0
    for match in season:
        booked: Counter[str] = Counter()
        for event in match.events:
            if event.label == "Yellow card":
                booked[event.team] += 1
            if event.label == "Yellow->red card":
                assert booked[event.team] > 0
                booked[event.team] -= 1
                sent_off += 1
    assert sent_off > 0


def test_substitutions_wait_for_a_stoppage(season):
    for match in season:
        playing = {1: True, 2: True}
        for event in match.events:
            if event.label == "Substitution":
                assert not playing[event.half] or event.position_ms == 0  # 0: in the interval
            elif event.label in STOPS:
                playing[event.half] = False
            elif event.label in RESTARTS:
                playing[event.half] = True


def test_halves_have_45_minutes_and_some_more_and_events_are_within_them_in_order(season):
    for match in season:
        assert all(2700 < length_s < 3000 for length_s in match.lengths_s)
        for half in (1, 2):
            positions = [event.position_ms for event in match.half(half)]
            assert positions == sorted(positions)
            assert positions[0] >= 0
            assert positions[-1] < 1000 * match.lengths_s[half - 1]


def test_only_a_ball_out_belongs_to_no_side(season):
    for match in season:
        for event in match.events:
            assert (event.team == "not applicable") == (event.label == "Ball out of play")
