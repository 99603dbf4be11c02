"""The fictional league: which games there are, in which split, who plays and when."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from soccerbench.progress import Progress
from soccerbench.simulation.matches.match import Match, play_match
from soccerbench.simulation.matches.published import EVENT_TOTALS
from soccerbench.soccernet.classes import CLASSES

G = TypeVar("G")
SPLITS = ("train", "valid", "test", "challenge")
MIN_GAMES = len(SPLITS)
RAREST_FIRST = sorted(CLASSES, key=lambda label: EVENT_TOTALS[label])
GAMES_OF_A_CLASS = 5  # at least, in a split with MANY games; in a smaller one a single game
MANY = 8
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
    """Games in each split: of 34, 4 are for valid, 10 for test, 8 for the challenge, at least one; the rest trains."""
    held_out = {split: max(1, games * share // 34) for split, share in {"valid": 4, "test": 10, "challenge": 8}.items()}
    return {"train": games - sum(held_out.values()), **held_out}


def fixtures(games: int) -> list[Fixture]:
    """The season: its classes are dealt out to the games of each split in turn, so that each has enough of them."""
    season: list[Fixture] = []
    for split, size in split_sizes(games).items():
        for place in range(size):
            index = len(season)
            day, hour = divmod(index, 4)
            matchday, pair = divmod(index, len(TEAMS) // 2)
            home, away = _pairing(matchday, pair)
            needs = frozenset(label for label in CLASSES if place in _games_of(label, size))
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


def _games_of(label: str, size: int) -> set[int]:
    """The places of the games of a split that a class must occur in, another first one for each class."""
    count = GAMES_OF_A_CLASS if size >= MANY else 1
    first = RAREST_FIRST.index(label) * count  # rare classes fall on different games, which are found sooner
    return {(first + place) % size for place in range(count)}


def _pairing(matchday: int, pair: int) -> tuple[int, int]:
    """Round robin: one team stays, the others rotate by one a matchday; home and away alternate."""
    rotating = len(TEAMS) - 1
    if pair == 0:
        teams = (rotating, matchday % rotating)
    else:
        teams = ((matchday + pair) % rotating, (matchday - pair) % rotating)
    return teams if (matchday + pair) % 2 else (teams[1], teams[0])


def each_game(games: Sequence[G], write: Callable[[G], None], workers: int, progress: Progress) -> None:
    """Write every game, several at once; `progress` is called with the games written and all of them."""
    with ThreadPoolExecutor(min(workers, os.cpu_count() or 1)) as pool:
        try:
            for done, _ in enumerate(pool.map(write, games), start=1):
                progress("games", done, len(games))
        finally:
            pool.shutdown(cancel_futures=True)
