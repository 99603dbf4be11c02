"""Games and splits: which games a root holds, which split each belongs to, where its folder is, and what it must have.

Source: the game lists of SoccerNet-v2, as `official_games.json`; a root with its own `splits.json` overrules them.

Conventions
    game       "league/season/game", the folder's path below the root in the official layout, wherever the folder is
    splits     train, valid, test, challenge; for scoring also "all", every game with labels
    official   league/season/game, as the SoccerNet package downloads
    by split   split/league/season/game, spaces in it as underscores, as later releases of the features have it
    both       a game may have a folder in each: a file is looked for in the official one first
    missing    a game to be scored without labels or predictions is an error under both protocols
    extra      predictions for other games, never opened: counted, or an error if `strict`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree

SPLITS: tuple[str, ...] = ("train", "valid", "test", "challenge")
_GAME_DEPTH = 3


def official_games(split: str) -> tuple[str, ...]:
    """The games of one official SoccerNet-v2 split, in the official order.

    Raises:
        ValueError: no such split.
    """
    _check_split(split)
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


class Layout:
    """Where the games of one root lie.

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
        """Where one file of a game is below the root; where it should lie if it is missing."""
        for folder in self.folders(game):
            if (self._root / folder / file).exists():
                return f"{folder}/{file}"
        return f"{self.folder(game)}/{file}"

    def folders(self, game: str) -> list[str]:
        """Where the game's files may be below the root, the folder to look in first at the front."""
        split = self._splits.get(game)
        return [game] if split is None else [game, f"{split}/{game.replace(' ', '_')}"]


class GameTree(Tree):
    """A tree whose games are named as in the official layout, wherever they lie.

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


def open_games(
    labels: Path,
    predictions: Path,
    split: str,
    *,
    label_files: Sequence[str],
    prediction_files: Sequence[str],
    strict: bool,
) -> tuple[Tree, Tree, list[str], Counter[str]]:
    """Open labels and predictions, and check that every game of a split has both.

    Args:
        labels: folder or zip.
        predictions: the same.
        split: "train", "valid", "test", "challenge", or "all" for every game with labels, sorted.
        label_files: names of which a game's labels have one.
        prediction_files: the same for its predictions.
        strict: refuse predictions for other games and names that appear twice in a zip.

    Returns:
        Labels, predictions, the games, and how much is passed over, by kind.

    Raises:
        InputError: neither a folder nor a zip, no game at all, the first missing file and how many there are, or an
            extra one if `strict`.
        ValueError: no such split.
    """
    label_tree, prediction_tree = Tree(labels), Tree(predictions)
    games = _games_with(label_tree, label_files) if split == "all" else split_games(label_tree, split)
    if not games:
        _refuse_another_kind(label_tree, games, label_files, prediction_files)
        raise InputError(labels, f"no games of split {split!r}", f"give a folder or zip of games with {label_files[0]}")
    both = (label_tree, label_files, prediction_files), (prediction_tree, prediction_files, label_files)
    for tree, files, others in both:
        missing = [game for game in games if not any(f"{game}/{file}" in tree for file in files)]
        if len(missing) == len(games):
            _refuse_another_kind(tree, games, files, others)
        if missing:
            problem = f"missing, as for {len(missing)} of {len(games)} games"
            raise InputError(tree.path / missing[0] / files[0], problem, "add the file, or choose another --split")
    extra = sorted(set(_games_with(prediction_tree, prediction_files)) - set(games))
    warnings: Counter[str] = Counter()
    for kind, found, tree in (
        ("games predicted that are not of the split, ignored", extra, prediction_tree),
        ("files that appear twice in the zip of predictions, the last read", prediction_tree.repeated, prediction_tree),
        ("files that appear twice in the zip of labels, the last read", label_tree.repeated, label_tree),
    ):
        if found and strict:
            raise InputError(tree.path / found[0], f"one of {len(found)} {kind.split(',')[0]}", "leave it out")
        if found:
            warnings[kind] = len(found)
    return label_tree, prediction_tree, games, warnings


def _refuse_another_kind(tree: Tree, games: Sequence[str], files: Sequence[str], others: Sequence[str]) -> None:
    """Say what a tree without any of the games' `files` seems to be: `others` are the names in one of the other kind.

    Raises:
        InputError: a folder around the leagues, labels for predictions or the other way round, or a run's folder.
    """
    names = tree.names()
    places = list(map(located, names))
    found = {file for _, _, file in places}
    for game, outside, file in places:
        if outside and file in files and (not games or game in games):
            raise InputError(tree.path / outside, "is around the leagues", "pack them at the top or give that folder")
    if not found & set(files) and found & set(others):
        problem = f"holds {', '.join(sorted(found & set(others)))} where {files[0]} is looked for"
        raise InputError(tree.path, problem, "labels and predictions seem to be swapped")
    zips = [name for name in names if name.startswith("predictions-") and name.endswith(".zip")]
    if zips:
        raise InputError(tree.path, "the folder of a run", f"give its {' or '.join(zips)}")


def _games_with(tree: Tree, files: Sequence[str]) -> list[str]:
    """Every game that has one of these files, sorted."""
    folders = (name.rpartition("/") for name in tree.names())
    return sorted({folder for folder, _, file in folders if folder and file in files})


def _is_relative(game: str) -> bool:
    parts = game.split("/")
    return bool(game) and "\\" not in game and "\0" not in game and not {"", ".", ".."} & set(parts)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
