"""Games and splits: which games a root holds and which split each belongs to.

Source: the game lists inside the SoccerNet package (0.2.0), read as files, since importing the package pulls in its
downloader; a root with a `splits.json` of its own overrules them.

Conventions
    game    "league/season/game", the folder's path below the root
    splits  train, valid, test, challenge
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree

SPLITS: tuple[str, ...] = ("train", "valid", "test", "challenge")
_GAME_DEPTH = 3


@cache
def official_games(split: str) -> tuple[str, ...]:
    """The games of one official SoccerNet-v2 split, in the official order.

    Raises:
        ValueError: no such split.
    """
    _check_split(split)
    package = find_spec("SoccerNet")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the SoccerNet package is not installed; pip install SoccerNet")
    file = Path(package.origin).parent / "data" / f"SoccerNetGames{split.capitalize()}.json"
    leagues: dict[str, dict[str, list[str]]] = orjson.loads(file.read_bytes())
    return tuple(
        f"{league}/{season}/{game}" for league, seasons in leagues.items() for season, games in seasons.items()
        for game in games
    )  # fmt: skip


def split_games(tree: Tree, split: str) -> list[str]:
    """The games of `split` in `tree`: those of its `splits.json`, or else the official ones.

    Raises:
        InputError: a `splits.json` that does not map the split to a list of distinct relative game folders.
        ValueError: no such split.
    """
    _check_split(split)
    if "splits.json" not in tree:
        return list(official_games(split))
    splits: Any = tree.json("splits.json")
    games = splits.get(split, []) if isinstance(splits, dict) else None
    if not isinstance(games, list) or not all(isinstance(game, str) and _is_relative(game) for game in games):
        raise InputError(
            tree.path / "splits.json", f"key {split!r} is no list of game folders", 'write {"train": ["league/…"], …}'
        )
    if len(set(games)) < len(games):
        raise InputError(tree.path / "splits.json", f"key {split!r} names a game twice", "name each game once")
    return [str(game) for game in games]


def located(name: str) -> tuple[str, str, str]:
    """The game that a file is of, the folders around its league, if any, and the file's own name."""
    *folders, file = name.replace("\\", "/").split("/")
    return "/".join(folders[-_GAME_DEPTH:]), "/".join(folders[:-_GAME_DEPTH]), file


def _is_relative(game: str) -> bool:
    parts = game.split("/")
    return bool(game) and "\\" not in game and "\0" not in game and not {"", ".", ".."} & set(parts)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
