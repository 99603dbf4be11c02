"""The annotated games whose videos snippets are taken from, and what had to be left out.

Conventions
    pooled     for mega features: train, valid and test of a root and any other annotated games, all as `train`; never
               a game of the challenge set, whatever its folder
    extra      a folder of games, with or without a `splits.json`, or one game's own folder
    left out   said in one line each; the other games are taken all the same
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import HALVES
from soccerbench.progress import Progress, silent
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import GameTree, Layout, check_split, official_games, split_games
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.video.decoding.half_file import half_video
from soccerbench.video.decoding.video import Video, check_duration, probe

OWN_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Game:
    """A game by its name, its root and folder, and the split that its snippets belong to."""

    name: str
    root: Path
    folder: str
    split: str


@dataclass
class Games:
    """What was found."""

    labels: dict[str, Events] = field(default_factory=dict)  # of each game that can be used
    videos: dict[tuple[str, int], Video] = field(default_factory=dict)  # of each (game, half) that can be used
    games: dict[str, Game] = field(default_factory=dict)  # by name, of those
    left_out: list[str] = field(default_factory=list)  # games, halves and events that cannot be used, a line each
    doubts: list[str] = field(default_factory=list)  # what speaks against some that are


def games_of_splits(root: Path, splits: Sequence[str]) -> list[Game]:
    """The games of some splits of a root, kept apart.

    Raises:
        InputError: no root, a game in two splits, or a challenge split without labels.
        ValueError: no such split.
    """
    for split in splits:
        check_split(split)
    found = Dataset(root)
    _check_apart(found)
    if "challenge" in splits and not found.has_labels("challenge"):
        raise InputError(root, "the labels of the challenge split are private", "leave --split challenge out")
    layout = Layout(root)
    return [Game(game, root, layout.folder(game), split) for split in splits for game in found.games[split]]


def pooled_games(root: Path, extra: Sequence[Path]) -> list[Game]:
    """The games for mega features: train, valid and test of `root`, and all annotated games of `extra`."""
    games = [Game(game.name, root, game.folder, "train") for game in games_of_splits(root, OWN_SPLITS)]
    refused = {_plain(game) for game in (*official_games("challenge"), *Dataset(root).games["challenge"])}
    known = {_plain(game.name) for game in games}
    for folder in extra:
        for game in _annotated(folder):
            if _plain(game.name) in refused or "challenge" in game.folder.split("/"):
                problem = "is a game of the challenge set"
                raise InputError(folder / game.folder, problem, "never train on it; leave it out")
            if _plain(game.name) in known:
                raise InputError(folder / game.folder, "is among the games already", "give each game once")
            known.add(_plain(game.name))
            games.append(game)
    return games


def look_through(games: Sequence[Game], progress: Progress = silent) -> Games:
    """Read the labels of each game and look at its videos, see `video.probe`."""
    found = Games()
    present = [game for game in games if (game.root / game.folder).is_dir()]
    absent: dict[str, list[Game]] = {}
    for game in games:
        if game not in present:
            absent.setdefault(game.split, []).append(game)
    for split, (first, *others) in absent.items():
        found.left_out.append(f"{first.root}: {1 + len(others)} games of {split} are not there, such as {first.name}")
    for done, game in enumerate(present, 1):
        _look_at(game, found)
        progress("games", done, len(present))
    return found


def _look_at(game: Game, found: Games) -> None:
    try:
        labels = read_spotting_labels(Tree(game.root / game.folder), ".", strict=True)
    except InputError as error:
        found.left_out.append(str(error))
        return
    for half in HALVES:
        try:
            video = probe(half_video(game.root / game.folder, half))
        except InputError as error:
            found.left_out.append(str(error))
            continue
        found.labels[game.name], found.games[game.name] = labels, game
        found.videos[game.name, half] = video
        found.doubts += [f"{video.path}: {note}" for note in video.notes]
        doubt = check_duration(video, labels, half)
        if doubt is not None:
            is_short = bool((labels.position_ms[labels.half == half] >= 1000 * video.duration_s).any())
            (found.left_out if is_short else found.doubts).append(doubt)


def _annotated(folder: Path) -> list[Game]:
    """The annotated games of an extra folder, without those of the challenge split of its `splits.json`."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "give a folder with annotated games")
    if (folder / SPOTTING_LABELS).is_file():
        path = folder.resolve()
        return [Game(path.name, path.parent, path.name, "train")]
    if (folder / "splits.json").is_file():
        tree, layout = GameTree(folder), Layout(folder)
        names: Iterable[str] = [game for split in OWN_SPLITS for game in split_games(tree, split)]
        games = [Game(name, folder, layout.folder(name), "train") for name in names]
    else:
        files = [Path(name) for name in Tree(folder).names() if Path(name).name == SPOTTING_LABELS]
        games = [Game(file.parent.as_posix(), folder, file.parent.as_posix(), "train") for file in files]
    if not games:
        raise InputError(folder, f"holds no game with {SPOTTING_LABELS}", "give a folder with annotated games")
    return games


def _check_apart(root: Dataset) -> None:
    home: dict[str, str] = {}
    for split, games in root.games.items():
        for game in games:
            if game in home:
                problem = f"{game}: listed in {home[game]} and in {split}"
                raise InputError(root.path / "splits.json", problem, "list it once")
            home[game] = split


def _plain(game: str) -> str:
    """A name by which a game is known in both public layouts."""
    return "/".join(game.replace("_", " ").split("/")[-3:])
