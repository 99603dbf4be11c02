"""The label files byte by byte against the official form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from soccerbench.simulation.matches.broadcast import Shot
from soccerbench.simulation.matches.label_files import Header, cameras_form, events_form, with_duplicates, withheld_form
from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.published import NEAR_DUPLICATES

PATH = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"
HEADER = Header(PATH, "Chelsea", "Burnley", "21/02/2015 - 18:00", (1, 1))
EVENTS = (
    Event(1, 0, "Kick-off", "away"),
    Event(1, 133_295, "Ball out of play", "not applicable"),
    Event(2, 3_600_999, "Clearance", "home", visible=False),
)
SHOTS = [
    Shot(1, 0, 140_100, "real-time", "Main camera center", "logo"),
    Shot(1, 140_100, 147_900, "replay", "Main behind the goal", "abrupt", event=1),
    Shot(1, 147_900, 150_000, "replay", "Spider camera", "smooth"),
]


def test_labels_are_written_as_the_public_files_are():
    """The beginning of the first public file, literally; the third event shows a position past the hour."""
    assert events_form(HEADER, EVENTS) == (
        b'{"UrlLocal":"england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley/","UrlYoutube":"","annotations":['
        b'{"gameTime":"1 - 00:00","label":"Kick-off","position":"0","team":"away","visibility":"visible"},'
        b'{"gameTime":"1 - 02:13","label":"Ball out of play","position":"133295","team":"not applicable",'
        b'"visibility":"visible"},'
        b'{"gameTime":"2 - 60:00","label":"Clearance","position":"3600999","team":"home","visibility":"not shown"}'
        b'],"gameAwayTeam":"Burnley","gameDate":"21/02/2015 - 18:00","gameHomeTeam":"Chelsea","gameScore":"1 - 1"}'
    )


def test_cameras_carry_the_end_of_each_shot_and_the_link_of_a_replay():
    written = json.loads(cameras_form(HEADER, Match((2700, 2700), EVENTS), SHOTS))["annotations"]
    assert written[0] == {
        "change_type": "logo",
        "gameTime": "1 - 02:20",
        "label": "Main camera center",
        "position": "140100",
        "replay": "real-time",
    }
    assert written[1]["link"] == {
        "half": "1",
        "label": "Ball out of play",
        "position": "133295",
        "team": "not applicable",
        "time": "02:13",
        "visibility": "visible",
    }
    assert "link" not in written[2]


def test_public_challenge_form_withholds_what_is_shown():
    document = json.loads(withheld_form(HEADER, SHOTS))
    assert document["UrlLocal"] == PATH
    assert document["annotations"] == [
        {"change_type": "", "gameTime": "1 - 02:20", "label": "", "position": "140100", "replay": "real-time"},
        {"change_type": "", "gameTime": "1 - 02:27", "label": "", "link": "", "position": "147900", "replay": "replay"},
        {"change_type": "", "gameTime": "1 - 02:30", "label": "", "link": "", "position": "150000", "replay": "replay"},
    ]


def test_duplicates_are_exact_neighbours_at_the_published_rate():
    """42 of 2,839 substitutions and 27 of 107,619 other events are written twice."""
    substitutions = [Event(2, place, "Substitution", "home") for place in range(20_000)]
    marked = with_duplicates(substitutions, np.random.default_rng(3))
    assert list(dict.fromkeys(marked)) == substitutions
    assert marked == sorted(marked, key=lambda event: event.position_ms)
    assert 220 < len(marked) - len(substitutions) < 380
    fouls = [Event(2, place, "Foul", "home") for place in range(20_000)]
    assert len(with_duplicates(fouls, np.random.default_rng(3))) - len(fouls) < 20


@pytest.mark.parametrize("label", NEAR_DUPLICATES)
def test_near_duplicates_are_as_frequent_as_in_the_public_files(season, label):
    """Within four standard errors of a binomial share; never past the last event of a half."""
    rng, followed, count = np.random.default_rng(3), 0, 0
    for match in season:
        for half in (1, 2):
            marked = with_duplicates(match.half(half), rng)
            assert marked[-1].position_ms == match.half(half)[-1].position_ms
            times_ms = np.array([event.position_ms for event in marked if event.label == label])
            gaps_ms = np.diff(times_ms)
            followed += int(((gaps_ms > 0) & (gaps_ms <= 10_000)).sum())
            count += len(times_ms)
    share = NEAR_DUPLICATES[label][0]
    assert abs(followed / count - share) < 4 * np.sqrt(share * (1 - share) / count)
