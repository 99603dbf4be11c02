"""The fictional league: which games there are, in which split, who plays and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from soccerbench.simulation.matches.match import Match, play_match
from soccerbench.soccernet.classes import CLASSES

SPLITS = ("train", "valid", "test", "challenge")
MIN_GAMES = len(SPLITS)
LEAGUE = "mini_league/2020-2021"
TEAMS = ("Aldermoor", "Brackenford", "Cresswick", "Dunharrow", "Eastlode", "Fernby", "Greywater", "Holmestead")
PLAY_STREAM = 1  # last number of the seed of everything that is drawn for a game, so that no two share theirs
FIRST_DAY = datetime(2020, 8, 15, 15, 0)  # on the league's own clock


@dataclass(frozen=True)
class Fixture:
    """One game to be played; every class in `needs` must occur in it."""

    index: int
    split: str
    home: str
    away: str
    kick_off: datetime
    needs: frozenset[str]

    def path(self, match: Match) -> str:
        """The game's folder, named as SoccerNet names it: league/season/date - time home h - a away."""
        home, away = match.score
        return f"{LEAGUE}/{self.kick_off:%Y-%m-%d - %H-%M} {self.home} {home} - {away} {self.away}"


def split_sizes(games: int) -> dict[str, int]:
    """Games in each split: a sixth each for valid, test and challenge, at least one; the rest trains."""
    held_out = max(1, games // 6)
    return {"train": games - 3 * held_out, "valid": held_out, "test": held_out, "challenge": held_out}


def fixtures(games: int) -> list[Fixture]:
    """The season: its classes are dealt out to the games of each split in turn, so that none lacks in any split."""
    season: list[Fixture] = []
    for split, size in split_sizes(games).items():
        for place in range(size):
            index = len(season)
            day, hour = divmod(index, 4)
            matchday, pair = divmod(index, len(TEAMS) // 2)
            home, away = _pairing(matchday, pair)
            needs = frozenset(CLASSES[place::size])
            kick_off = FIRST_DAY + timedelta(days=7 * day, hours=hour)
            season.append(Fixture(index, split, TEAMS[home], TEAMS[away], kick_off, needs))
    return season


def play(fixture: Fixture, seed: int) -> Match:
    """Play a fixture, again and again until every class that it needs has occurred.

    The result is distributed as a game that has these classes; it depends on the seed and the fixture's index alone.
    """
    attempt = 0
    while True:
        match = play_match(np.random.default_rng([seed, fixture.index, attempt, PLAY_STREAM]))
        if fixture.needs <= {event.label for event in match.events}:
            return match
        attempt += 1


def _pairing(matchday: int, pair: int) -> tuple[int, int]:
    """Round robin: one team stays, the others rotate by one a matchday; home and away alternate."""
    rotating = len(TEAMS) - 1
    if pair == 0:
        teams = (rotating, matchday % rotating)
    else:
        teams = ((matchday + pair) % rotating, (matchday - pair) % rotating)
    return teams if (matchday + pair) % 2 else (teams[1], teams[0])
