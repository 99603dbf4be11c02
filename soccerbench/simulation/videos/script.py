"""What happens when: the season, and the shots that each half is cut into.

A shot shows one event in its middle or none; at a cut everything is drawn again. The cuts do not depend on the
class: a shot with an event is as long for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from soccerbench.simulation.matches.match import Event, score_of
from soccerbench.simulation.root import GAMES_A_DAY, TEAMS, check_season, game_folder, split_sizes
from soccerbench.simulation.videos.pictures import FPS
from soccerbench.soccernet.classes import CLASSES

LEAGUE = "videos_league/2020-2021"
HELD_OUT = {"valid": 2, "test": 2, "challenge": 1}  # of twelve games
SHOT_S, EVENT_S, EVENT_SPREAD_S = 6.0, 3.0, 0.2  # a shot with an event, and where in it the event is
QUIET_S, QUIET_SHARE = 8.0, 1 / 6  # a shot without, and how often one comes
HALVES = (1, 2)
SCRIPT_STREAM = 0  # last number of the seed of what happens; its pictures have their own streams


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts, and the event that they show; for none the frame is 0."""

    frames: int
    label: str | None = None
    event_frame: int = 0


@dataclass(frozen=True)
class Game:
    """One game: its place in the season, its split, its two halves of shots and what they show."""

    index: int
    split: str
    halves: tuple[tuple[Shot, ...], ...]
    events: tuple[Event, ...]

    @property
    def path(self) -> str:
        """The game's folder."""
        matchday, pair = divmod(self.index, GAMES_A_DAY)
        home, away = TEAMS[2 * pair], TEAMS[(2 * pair + 1 + 2 * matchday) % len(TEAMS)]
        return game_folder(LEAGUE, self.index, home, away, score_of(self.events))


def season(games: int, minutes: float, seed: int) -> list[Game]:
    """Every game, from the seed alone; `minutes` of each half are enough for a shot."""
    check_season(seed, games)
    if not SHOT_S <= 60 * minutes <= 3600:
        raise ValueError(f"{minutes:g} minutes are not a half; give {SHOT_S / 60:g} to 60")
    splits = [split for split, size in split_sizes(games, HELD_OUT, of=12).items() for _ in range(size)]
    return [_game(index, split, round(60 * minutes * FPS), seed) for index, split in enumerate(splits)]


def _game(index: int, split: str, frames: int, seed: int) -> Game:
    rng = np.random.default_rng([seed, index, SCRIPT_STREAM])
    labels = _decks(rng)
    halves = tuple(tuple(_shots(frames, labels, rng)) for _ in HALVES)
    events = []
    for half, shots in zip(HALVES, halves, strict=True):
        begin = 0
        for shot in shots:
            if shot.label is not None:
                team = str(rng.choice(["home", "away"]))
                events.append(Event(half, (begin + shot.event_frame) * 1000 // FPS, shot.label, team))
            begin += shot.frames
    return Game(index, split, halves, tuple(events))


def _shots(frames: int, labels: Iterator[str], rng: np.random.Generator) -> Iterator[Shot]:
    """The shots of a half; what is too short for another event is quiet."""
    left = frames
    while left >= round(SHOT_S * FPS):
        if rng.random() < QUIET_SHARE:
            shot = Shot(min(left, round(QUIET_S * FPS)))
        else:
            event_s = EVENT_S + rng.uniform(-EVENT_SPREAD_S, EVENT_SPREAD_S)
            shot = Shot(round(SHOT_S * FPS), next(labels), round(event_s * FPS))
        yield shot
        left -= shot.frames
    if left:
        yield Shot(left)


def _decks(rng: np.random.Generator) -> Iterator[str]:
    """All classes in one order after another, so that all occur and none predicts the next."""
    while True:
        yield from (CLASSES[index] for index in rng.permutation(len(CLASSES)))
