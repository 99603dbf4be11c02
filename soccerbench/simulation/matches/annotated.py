"""Games whose annotations are real and whose features will be simulated, to rehearse a run on real data.

They are chosen evenly from the official lists in the proportions of these (300, 100 and 100); a third of the games
from the test list, one at least, play the challenge, and their labels are withheld. Label files are copied byte by
byte. Where the source has `Labels-cameras.json`, its replays are what the features show; elsewhere replays are
simulated too, and no file says where they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from soccerbench.errors import InputError
from soccerbench.simulation.matches.broadcast import Shot, broadcast
from soccerbench.simulation.matches.match import HALF_S, Event, Match
from soccerbench.simulation.matches.season import BROADCAST_STREAM, Game
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS, read_replays

HELD_OUT_PART = 5  # one game in five is on the valid list, one in five on the test list
CHALLENGE_PART = 3  # of the test list's, one in three plays the challenge
AFTER_LAST_S = 60  # a half ends a minute after its last event or later
LINK_SLACK_MS = 1000  # links name an event's whole second


def annotated_games(labels: Path, *, seed: int, games: int) -> list[Game]:
    """Real annotations as games of a dataset; replays are drawn where there are none.

    Args:
        labels: a folder or zip in the official layout with `Labels-v2.json` files.

    Raises:
        InputError: not such a folder or zip, too few games in it, or a label file that cannot be used.
    """
    tree = Tree(labels)
    return [_game(tree, name, split, index, seed) for index, (name, split) in enumerate(_chosen(tree, games))]


def _chosen(tree: Tree, games: int) -> list[tuple[str, str]]:
    """Names and splits of the games, evenly spread over each official list."""
    valid, test = max(1, games // HELD_OUT_PART), max(2, games // HELD_OUT_PART)
    wanted = {"train": games - valid - test, "valid": valid, "test": test}
    chosen: dict[str, list[str]] = {}
    for split, count in wanted.items():
        there = [name for name in official_games(split) if f"{name}/{SPOTTING_LABELS}" in tree]
        if len(there) < count:
            of_list = f"games of the official {split} list with {SPOTTING_LABELS}"
            problem = f"holds {len(there)} {of_list}, {count} are needed"
            raise InputError(tree.path, problem, "give the folder or zip above the leagues, or ask for fewer games")
        chosen[split] = [there[place] for place in _even(len(there), count)]
    held_back = set(_even(test, max(1, test // CHALLENGE_PART)))
    tests = [(name, "challenge" if place in held_back else "test") for place, name in enumerate(chosen["test"])]
    return [
        *((name, "train") for name in chosen["train"]),
        *((name, "valid") for name in chosen["valid"]),
        *sorted(tests, key=lambda game: game[1] == "challenge"),
    ]


def _even(size: int, count: int) -> list[int]:
    """`count` places spread evenly over `size`."""
    return [(2 * place + 1) * size // (2 * count) for place in range(count)]


def _game(tree: Tree, name: str, split: str, index: int, seed: int) -> Game:
    events = _events(tree, name)
    cameras = f"{name}/{CAMERA_LABELS}"
    shots = _shots(tree, name, events) if cameras in tree else []
    lengths = [_length_s(half, events, shots) for half in (1, 2)]
    match = Match((lengths[0], lengths[1]), events)
    if cameras not in tree:
        shots = broadcast(match, np.random.default_rng([seed, index, 0, BROADCAST_STREAM]))
    files: dict[str, bytes] = {}
    if split != "challenge":
        files[SPOTTING_LABELS] = tree.read(f"{name}/{SPOTTING_LABELS}")
    if cameras in tree:
        if split == "challenge":
            files[REPLAY_LABELS] = _withheld(tree.json(cameras))
        else:
            files[CAMERA_LABELS] = tree.read(cameras)
    return Game(index, name, split, match, shots, files)


def _events(tree: Tree, name: str) -> tuple[Event, ...]:
    """The annotated events in the order of time; the team does not show in features."""
    labels = read_spotting_labels(tree, name, strict=True)
    columns = (column.tolist() for column in (labels.half, labels.position_ms, labels.label, labels.shown))
    events = [Event(half, at_ms, CLASSES[label], "", shown) for half, at_ms, label, shown in zip(*columns, strict=True)]
    return tuple(sorted(events, key=lambda event: (event.half, event.position_ms)))


def _shots(tree: Tree, name: str, events: tuple[Event, ...]) -> list[Shot]:
    """The annotated replays, each with the event that its link names."""
    shots = []
    for replay in read_replays(tree, name, strict=True).replays:
        link = replay.link
        shown = None if link is None else _linked(link.half, CLASSES[link.label], link.second * 1000, events)
        shots.append(Shot(replay.half, replay.start_ms, replay.end_ms, "replay", "", "", shown))
    return shots


def _linked(half: int, label: str, time_ms: int, events: tuple[Event, ...]) -> int | None:
    for index, event in enumerate(events):
        if (event.half, event.label) == (half, label) and 0 <= event.position_ms - time_ms < LINK_SLACK_MS:
            return index
    return None


def _length_s(half: int, events: tuple[Event, ...], shots: list[Shot]) -> int:
    """A half lasts 45 minutes, or until a minute after the last that is annotated in it."""
    times_ms = [event.position_ms for event in events if event.half == half]
    times_ms += [shot.end_ms for shot in shots if shot.half == half]
    return max(HALF_S, max(times_ms, default=0) // 1000 + AFTER_LAST_S)


def _withheld(document: dict[str, Any]) -> bytes:
    """Camera annotations in the public form of the challenge."""
    hidden = [
        entry | {"label": "", "change_type": ""} | ({"link": ""} if entry["replay"] == "replay" else {})
        for entry in document["annotations"]
    ]
    for entry in hidden:
        if entry["replay"] != "replay":
            entry.pop("link", None)
    return orjson.dumps(document | {"annotations": hidden})
