"""Which file of a folder, zip or single JSON file holds which game's labels or predictions, in the layouts people have.

Conventions
    official   league/season/game/file, as the SoccerNet package downloads and as a submission has it
    read too   split/league/season/game with underscores, folders around the leagues, the folder of a league or a
               season, one game's own folder, one JSON file, many at the top that name their games by `UrlLocal`
    file name  an official one, its suffix in any case; else the one other JSON file of the folder with the right list
    both       of several files for a game, the one with the fewest folders around it counts; a tie is an error
    one game   a game's own folder or one JSON file is that game, whatever the split
    missing    a game to be scored without labels or predictions is an error under both protocols
    extra      predictions for other games, never opened: counted, or an error if `strict`
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.games import GAME_DEPTH, SPLITS, official_games, own_splits, split_games

GAME_KEYS = ("UrlLocal", "UrlLocal:", "Game:")
_NO_RESULTS = ("labels", "splits.json", "classes.json", "features.json")  # how names of other files begin
_NO_LABELS = ("results", "predictions", "detection", *_NO_RESULTS[1:])
_OTHER_FILES = (".mkv", ".mp4", ".npy", ".json")


class FileKind(NamedTuple):
    """One kind of file that a game has.

    Args:
        names: the official ones, the first preferred.
        key: of the list in it.
    """

    names: tuple[str, ...]
    key: str


def spelled(path: str) -> str:
    """A path as the official layout spells it: forward slashes, spaces."""
    return path.replace("\\", "/").replace("_", " ").strip("/")


def is_of(named: Any, game: str) -> bool:
    """Whether what a file says of its game, such as its UrlLocal, names this game."""
    return isinstance(named, str) and f"/{spelled(game)}/" in f"/{spelled(named)}/"


class GameFiles:
    """The files of one kind in a tree, by game.

    Args:
        tree: a folder, a zip or one JSON file.
        kind: of the files.
    """

    def __init__(self, tree: Tree, kind: FileKind) -> None:
        self.tree, self.kind = tree, kind
        self._folders: dict[str, list[str]] = {}  # folder -> its files of the kind
        self._by_last: dict[str, list[str]] = defaultdict(list)  # last part of a folder's path, spelled -> folders
        folders: dict[str, list[str]] = defaultdict(list)
        for name in tree.names():
            if name.lower().endswith(".json"):
                folders[name.rpartition("/")[0]].append(name)
        lists = [name for name in tree.names() if name.endswith("/splits.json")]
        if len(lists) == 1 and "splits.json" not in tree:
            tree.call("splits.json", lists[0])
        for folder, names in folders.items():
            if files := self._of_kind(names):
                self._folders[folder] = files
                self._by_last[spelled(folder).rpartition("/")[2]].append(folder)

    def __bool__(self) -> bool:
        return bool(self._folders)

    def _of_kind(self, names: list[str]) -> list[str]:
        """The files of one folder that may be meant: the best official name, else all with the list in them."""
        file_of = {name: name.rpartition("/")[2] for name in names}
        for official in self.kind.names:
            if found := [name for name, file in file_of.items() if _suffix_lowered(file) == official]:
                return found
        others = _NO_LABELS if self.kind.key == "annotations" else _NO_RESULTS
        found = names if self.tree.is_file else [name for name in names if not file_of[name].lower().startswith(others)]
        return [name for name in found if self._holds_list(name)]

    def _holds_list(self, name: str) -> bool:
        with suppress(InputError):
            return f'"{self.kind.key}"'.encode() in self.tree.read(name)
        return False

    @cached_property
    def alone(self) -> str | None:
        """The only file, if it is of one game and in no game's folder."""
        (files,) = self._folders.values() if list(self._folders) == [""] else [[]]
        return files[0] if len(files) == 1 else None

    @cached_property
    def flat(self) -> dict[str, str]:
        """Game -> file at the top of the tree, by what it says."""
        named = {name: game_named(self.tree, name) for name in self._folders.get("", [])}
        return {game: name for name, game in named.items() if game is not None}

    def games(self, known: Iterable[str] = ()) -> list[str]:
        """Every game that has a file, sorted, spelled as the known, a root's own or the official games are."""
        found = set(self.flat)
        names = {spelled(game): game for game in (*_official(), *own_splits(self.tree), *known)}
        tails = {end: game for game in names.values() for end in _ends(spelled(game))}
        for folder in filter(None, self._folders):
            parts = folder.split("/")
            name = "/".join(parts[1:]) if len(parts) > GAME_DEPTH and parts[0] in SPLITS else folder
            spellings = (spelled(name), spelled("/".join(parts[-GAME_DEPTH:])))
            found.add(next((games[text] for text in spellings for games in (names, tails) if text in games), name))
        return sorted(found)

    def place(self, game: str) -> str | None:
        """The file of a game; None if there is none.

        Raises:
            InputError: several that may be meant.
        """
        for named, name in self.flat.items():
            if spelled(named) == spelled(game):
                return name
        wanted = spelled(game).split("/")
        near: dict[tuple[bool, int], list[str]] = defaultdict(list)
        for folder in self._by_last.get(wanted[-1], []):
            parts = spelled(folder).split("/")
            count = min(len(parts), len(wanted))
            if parts[-count:] == wanted[-count:]:
                near[folder != game, len(parts)].append(folder)
        if not near:
            return None
        files = [name for folder in near[min(near)] for name in self._folders[folder]]
        if len(files) > 1:
            problem = f"{' and '.join(files[:2])} may both be the file of {game}"
            raise InputError(self.tree.path, problem, f"leave one, with the name {self.kind.names[0]}")
        return files[0]

    def give(self, game: str, name: str) -> None:
        """Let a file be read as the official one of a game."""
        file = _suffix_lowered(name.rpartition("/")[2])
        self.tree.call(f"{game}/{file if file in self.kind.names else self.kind.names[0]}", name)


def game_named(tree: Tree, name: str) -> str | None:
    """The game that a file says it is of, or else that its folder's path names; None if neither does."""
    document: Any = None
    with suppress(InputError):
        document = parse_json(tree.read(name), tree.path, lenient=True)
    said = [document[key] for key in GAME_KEYS if key in document] if isinstance(document, dict) else []
    said = [text for text in said if isinstance(text, str) and text.strip("/\\ ")]
    said += [Path(tree.where(name)).absolute().parent.as_posix()]
    for text in said:
        if known := next((game for game in _official() if is_of(text, game)), None):
            return known
    for text in said[:-1]:
        parts = text.replace("\\", "/").strip("/").split("/")
        parts = parts[:-1] if parts[-1].lower().endswith(_OTHER_FILES) else parts
        return "/".join(parts[-GAME_DEPTH:])
    return None


@dataclass(frozen=True)
class OpenGames:
    """Labels and predictions of the same games, read by official names.

    Args:
        labels, predictions: folder, zip or file.
        games: those to be scored.
        split: that they are; "all" for a single game that was given by itself.
        warnings: how much is passed over, by kind.
    """

    labels: Tree
    predictions: Tree
    games: list[str]
    split: str
    warnings: Counter[str]


def open_games(
    labels: Path, predictions: Path, split: str, *, label_kind: FileKind, prediction_kind: FileKind, strict: bool
) -> OpenGames:
    """Open labels and predictions, and check that every game of a split has both.

    Args:
        labels: folder, zip or JSON file.
        predictions: the same.
        split: "train", "valid", "test", "challenge", or "all" for every game with labels, sorted.
        label_kind: what labels are called and hold.
        prediction_kind: the same of predictions.
        strict: refuse predictions for other games and names that appear twice in a zip.

    Raises:
        InputError: neither folder, zip nor JSON, no game at all, the first missing file and how many there are,
            several files that may be meant, or an extra one if `strict`.
        ValueError: no such split.
    """
    truth, found = GameFiles(Tree(labels), label_kind), GameFiles(Tree(predictions), prediction_kind)
    for files, other in ((truth, found), (found, truth)):
        _refuse_another_kind(files, other.kind)
    games, split = _games_of(truth, found, split)
    for files in (truth, found):
        places = {game: files.alone or files.place(game) for game in games}
        missing = [game for game, name in places.items() if name is None]
        if missing:
            problem = f"missing, as for {len(missing)} of {len(games)} games"
            raise InputError(
                files.tree.path / missing[0] / files.kind.names[0], problem, "add the file, or choose another --split"
            )
        for game, name in places.items():
            files.give(game, str(name))
    extra = [] if found.alone else sorted(set(found.games(games)) - set(games))
    warnings: Counter[str] = Counter()
    for kind, names, tree in (
        ("games predicted that are not of the split, ignored", extra, found.tree),
        ("files that appear twice in the zip of predictions, the last read", found.tree.repeated, found.tree),
        ("files that appear twice in the zip of labels, the last read", truth.tree.repeated, truth.tree),
    ):
        if names and strict:
            raise InputError(tree.path / names[0], f"one of {len(names)} {kind.split(',')[0]}", "leave it out")
        if names:
            warnings[kind] = len(names)
    return OpenGames(truth.tree, found.tree, games, split, warnings)


def _games_of(truth: GameFiles, found: GameFiles, split: str) -> tuple[list[str], str]:
    """The games to score, and the split that they are."""
    if truth.alone is None and found.alone is None:
        games = truth.games() if split == "all" else split_games(truth.tree, split)
        if not games:
            remedy = f"give a folder or zip of games with {truth.kind.names[0]}"
            raise InputError(truth.tree.path, f"no games of split {split!r}", remedy)
        return games, split
    if split != "all" and split not in SPLITS:
        split_games(truth.tree, split)
    named = [game_named(files.tree, files.alone) if files.alone else None for files in (truth, found)]
    if named[0] and named[1] and spelled(named[0]) != spelled(named[1]):
        remedy = "give labels and predictions of one game"
        raise InputError(found.tree.path, f"of {named[1]}, but the labels are of {named[0]}", remedy)
    many = found if found.alone is None else truth if truth.alone is None else None
    others = [] if many is None else many.games()
    game = named[0] or named[1] or (others[0] if len(others) == 1 else None if others else "the game")
    if game is None:
        alone = truth if truth.alone else found
        raise InputError(alone.tree.path, "does not say which game it is of", f'give it the key "{GAME_KEYS[0]}"')
    return [game], "all"


def _refuse_another_kind(files: GameFiles, other: FileKind) -> None:
    """Say what a tree without any file of the kind seems to be.

    Raises:
        InputError: labels for predictions or the other way round, or the folder of a run.
    """
    if files:
        return
    names = files.tree.names()
    swapped = sorted({name.rpartition("/")[2] for name in names} & set(other.names))
    if swapped:
        problem = f"holds {', '.join(swapped)} where {files.kind.names[0]} is looked for"
        raise InputError(files.tree.path, problem, "labels and predictions seem to be swapped")
    zips = [name for name in names if name.startswith("predictions-") and name.endswith(".zip")]
    if zips:
        raise InputError(files.tree.path, "the folder of a run", f"give its {' or '.join(zips)}")


def _suffix_lowered(file: str) -> str:
    return file[: -len(".json")] + ".json" if file.lower().endswith(".json") else file


def _ends(path: str) -> list[str]:
    """What is left of a path without its first folder, without its first two, and so on."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _official() -> list[str]:
    return [game for split in SPLITS for game in official_games(split)]
