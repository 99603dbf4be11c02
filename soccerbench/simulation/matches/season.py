"""The simulated games: which there are in a fictional league, who plays, what happens, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soccerbench.simulation.matches.broadcast import Shot, broadcast
from soccerbench.simulation.matches.label_files import Header, cameras_form, events_form, with_duplicates, withheld_form
from soccerbench.simulation.matches.match import Match, play_match, score_of
from soccerbench.simulation.matches.published import EVENT_TOTALS
from soccerbench.simulation.root import GAMES_A_DAY, TEAMS, game_folder, kick_off, split_sizes
from soccerbench.soccernet.classes import CLASSES

HELD_OUT = {"valid": 4, "test": 10, "challenge": 8}  # of 34 games
RAREST_FIRST = sorted(CLASSES, key=lambda label: EVENT_TOTALS[label])
GAMES_OF_A_CLASS = 5  # at least, in a split with MANY games; in a smaller one a single game
MANY = 8
LEAGUE = "mini_league/2020-2021"
# last numbers of the seeds of what is drawn for a game, so that no two share theirs
PLAY_STREAM, BROADCAST_STREAM, SCENE_STREAM, DUPLICATE_STREAM = 1, 2, 3, 4


@dataclass(frozen=True)
class Fixture:
    """One game to be played; every class in `needs` must occur in it."""

    index: int
    split: str
    home: str
    away: str
    needs: frozenset[str]


@dataclass(frozen=True)
class Game:
    """One game of a dataset: its path, its split, what happened, what was on screen, its label files."""

    index: int
    path: str
    split: str
    match: Match
    shots: list[Shot]
    label_files: dict[str, bytes]


def fixtures(games: int) -> list[Fixture]:
    """The season: its classes are dealt out to the games of each split in turn, so that each has enough of them."""
    season: list[Fixture] = []
    for split, size in split_sizes(games, HELD_OUT, of=34).items():
        for place in range(size):
            home, away = _pairing(*divmod(len(season), GAMES_A_DAY))
            needs = frozenset(label for label in CLASSES if place in _games_of(label, size))
            season.append(Fixture(len(season), split, TEAMS[home], TEAMS[away], needs))
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


def played_games(seed: int, games: int) -> list[Game]:
    """Simulated games, each from the seed and its own index alone."""
    season = []
    for fixture in fixtures(games):
        index, match = fixture.index, play(fixture, seed)
        shots = broadcast(match, np.random.default_rng([seed, index, 0, BROADCAST_STREAM]))
        score = score_of(match.events)
        path = game_folder(LEAGUE, index, fixture.home, fixture.away, score)
        header = Header(path, fixture.home, fixture.away, f"{kick_off(index):%d/%m/%Y - %H:%M}", score)
        marked = with_duplicates(match.events, np.random.default_rng([seed, index, 0, DUPLICATE_STREAM]))
        files = {
            "Labels-v2.json": events_form(header, marked),
            "Labels-cameras.json": cameras_form(header, match, shots),
        }
        if fixture.split == "challenge":
            files["Labels-replays.json"] = withheld_form(header, shots)
        season.append(Game(index, path, fixture.split, match, shots, files))
    return season


def _games_of(label: str, size: int) -> set[int]:
    """The places of the games of a split that a class must occur in, another first one for each class."""
    count = GAMES_OF_A_CLASS if size >= MANY else 1
    first = RAREST_FIRST.index(label) * count  # rare classes fall on different games, which are found sooner
    return {(first + place) % size for place in range(count)}


def _pairing(matchday: int, pair: int) -> tuple[int, int]:
    """Round robin: one team stays, the others rotate by one a matchday; home and away alternate."""
    rotating = len(TEAMS) - 1
    teams = ((matchday + pair) % rotating, (matchday - pair) % rotating) if pair else (rotating, matchday % rotating)
    return teams if (matchday + pair) % 2 else (teams[1], teams[0])
