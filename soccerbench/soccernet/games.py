"""Games and splits: which games a root holds, which split each belongs to, where its folder is, and what it must have.

Source: the game lists of SoccerNet-v2, as `official_games.json`; a root with its own `splits.json` overrules them.

Conventions
    game       "league/season/game", the folder's path below the root in the official layout, wherever the folder is
    splits     train, valid, test, challenge; for scoring also "all", every game with labels
    official   league/season/game, as the SoccerNet package downloads
    by split   split/league/season/game, spaces in it as underscores, as later releases of the features have it
    both       a game may have a folder in each: a file is looked for in the official one first
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from soccerbench.errors import InputError, did_you_mean
from soccerbench.soccernet.archive import Tree

SPLITS: tuple[str, ...] = ("train", "valid", "test", "challenge")
GAME_DEPTH = 3


def official_games(split: str) -> tuple[str, ...]:
    """The games of one official SoccerNet-v2 split, in the official order.

    Raises:
        ValueError: no such split.
    """
    check_split(split)
    return tuple(_official()[split])


@cache
def _official() -> dict[str, list[str]]:
    games: dict[str, list[str]] = orjson.loads(Path(__file__).with_name("official_games.json").read_bytes())
    return games


def split_games(tree: Tree, split: str) -> list[str]:
    """The games of `split` in `tree`: those of its `splits.json`, or else the official ones.

    Raises:
        InputError: a `splits.json` that does not map the split to a list of distinct relative game folders.
        ValueError: no such split.
    """
    check_split(split)
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


def own_splits(tree: Tree) -> list[str]:
    """All games of a root's own `splits.json`; none without one."""
    return [game for split in SPLITS for game in split_games(tree, split)] if "splits.json" in tree else []


class Layout:
    """Where the games of one root are.

    Args:
        root: the folder above the leagues, or above the splits.
    """

    def __init__(self, root: Path) -> None:
        self._splits: dict[str, str] = {}
        if any((root / split).is_dir() for split in SPLITS):
            tree = Tree(root)
            self._splits = {game: split for split in SPLITS for game in split_games(tree, split)}
        self._root = root

    def folder(self, game: str) -> str:
        """The game's folder below the root; the official one where both or neither are there."""
        return next((folder for folder in self.folders(game) if (self._root / folder).is_dir()), game)

    def place(self, game: str, file: str) -> str:
        """Where one file of a game is below the root; where it should be if it is missing."""
        for folder in self.folders(game):
            if (self._root / folder / file).exists():
                return f"{folder}/{file}"
        return f"{self.folder(game)}/{file}"

    def folders(self, game: str) -> list[str]:
        """Where the game's files may be below the root, the folder to look in first at the front."""
        split = self._splits.get(game)
        folders = [game] if split is None else [game, f"{split}/{game.replace(' ', '_')}"]
        return folders if game.isascii() else folders + [unicodedata.normalize("NFD", folder) for folder in folders]


class GameTree(Tree):
    """A tree whose games are named as in the official layout, wherever they are.

    Args:
        path: a root in either layout.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._layout = Layout(path)

    def has_game(self, game: str) -> bool:
        """Whether the game has a folder."""
        return (self.path / self._layout.folder(game)).is_dir()

    def __contains__(self, name: str) -> bool:
        return super().__contains__(self._place(name))

    def read(self, name: str) -> bytes:
        """The bytes of one file; see `Tree.read`."""
        return super().read(self._place(name))

    def _place(self, name: str) -> str:
        game, separator, file = name.rpartition("/")
        return self._layout.place(game, file) if separator else name


def _is_relative(game: str) -> bool:
    parts = game.split("/")
    return bool(game) and "\\" not in game and "\0" not in game and not {"", ".", ".."} & set(parts)


def check_split(split: str) -> None:
    """Refuse what is no split.

    Raises:
        ValueError: it names the splits.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}{did_you_mean(split, SPLITS)}; the splits are {', '.join(SPLITS)}")
