"""The games of a dataset before their features: matches, shots and label files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soccerbench.simulation.matches.broadcast import Shot, broadcast
from soccerbench.simulation.matches.label_files import Header, cameras_form, events_form, with_duplicates, withheld_form
from soccerbench.simulation.matches.match import Match
from soccerbench.simulation.matches.season import fixtures, play

BROADCAST_STREAM, SCENE_STREAM, DUPLICATE_STREAM = 2, 3, 4


@dataclass(frozen=True)
class Game:
    """One game of a dataset: its path, its split, what happened, what was on screen, its label files."""

    index: int
    path: str
    split: str
    match: Match
    shots: list[Shot]
    label_files: dict[str, bytes]


def played_games(seed: int, games: int) -> list[Game]:
    """Simulated games, each from the seed and its own index alone."""
    season = []
    for fixture in fixtures(games):
        match = play(fixture, seed)
        shots = broadcast(match, np.random.default_rng([seed, fixture.index, 0, BROADCAST_STREAM]))
        path = fixture.path(match)
        header = Header(path, fixture.home, fixture.away, f"{fixture.kick_off:%d/%m/%Y - %H:%M}", match.score)
        marked = with_duplicates(match.events, np.random.default_rng([seed, fixture.index, 0, DUPLICATE_STREAM]))
        files = {
            "Labels-v2.json": events_form(header, marked),
            "Labels-cameras.json": cameras_form(header, match, shots),
        }
        if fixture.split == "challenge":
            files["Labels-replays.json"] = withheld_form(header, shots)
        season.append(Game(fixture.index, path, fixture.split, match, shots, files))
    return season
