"""Which file of a folder, zip or single JSON file holds which game's labels or predictions, in the layouts people have.

Conventions
    official   league/season/game/file, as the SoccerNet package downloads and as a submission has it
    read too   split/league/season/game with underscores, folders around the leagues, the folder of a league or a
               season, one game's own folder, one JSON file, many at the top that name their games by `UrlLocal`
    file name  an official one, its suffix in any case; else the one other JSON file of the folder with the right list
    both       of several files for a game, the one with the fewest folders around it counts; a tie is an error
    one game   a game's own folder or one JSON file is that game
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import GAME_KEYS, Tree, parse_json
from soccerbench.soccernet.games import GAME_DEPTH, SPLITS, official_games, own_splits

_NO_RESULTS = ("labels", "splits.json", "classes.json", "features.json")  # how names of other files begin
_NO_EVENTS = ("labels-cameras", "labels-replays", "labels-caption")
_NO_LABELS = ("labels-", "results", "predictions", "detection", *_NO_RESULTS[1:])
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
        listed: the games are those to be scored, whatever the split.
    """

    def __init__(self, tree: Tree, kind: FileKind, *, listed: bool = False) -> None:
        self.tree, self.kind, self.listed = tree, kind, listed
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
        others: tuple[str, ...] = _NO_LABELS if self.kind.key == "annotations" else _NO_RESULTS
        if self.tree.is_file:
            others = _NO_EVENTS
        found = [
            name for name in names if not file_of[name].lower().startswith(others) and file_of[name] != "Labels.json"
        ]
        return [name for name in found if self._holds_list(name)]

    def _holds_list(self, name: str) -> bool:
        with suppress(InputError):
            data = self.tree.read(name)
            if f'"{self.kind.key}"'.encode() in data:
                document = parse_json(data, self.tree.where(name), lenient=True)
                return isinstance(document, dict) and self.kind.key in document
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

    def give(self, game: str, name: str) -> str:
        """Let a file be read as the official one of a game, whose name this returns."""
        file = _suffix_lowered(name.rpartition("/")[2])
        official = file if file in self.kind.names else self.kind.names[0]
        self.tree.call(f"{game}/{official}", name)
        return official


def game_named(tree: Tree, name: str) -> str | None:
    """The game that a file says it is of, or else that its folder's path names; None if neither does."""
    document: Any = None
    with suppress(InputError):
        document = parse_json(tree.read(name), tree.path, lenient=True)
    said = [document[key] for key in GAME_KEYS if key in document] if isinstance(document, dict) else []
    said = [text for text in said if isinstance(text, str) and text.strip("/\\ ")]
    said += [Path(tree.where(name)).absolute().parent.as_posix()]
    for text in said:
        if known := official_spelling(text):
            return known
    for text in said[:-1]:
        parts = text.replace("\\", "/").strip("/").split("/")
        parts = parts[:-1] if parts[-1].lower().endswith(_OTHER_FILES) else parts
        return "/".join(parts[-GAME_DEPTH:])
    return None


def official_spelling(path: str) -> str | None:
    """The official game that a path names; None if it names none."""
    parts = spelled(path).split("/")
    ends = ("/".join(parts[start : start + GAME_DEPTH]) for start in range(len(parts) - GAME_DEPTH + 1))
    return next((game for end in ends if (game := _by_spelling().get(end)) is not None), None)


def _suffix_lowered(file: str) -> str:
    return file[: -len(".json")] + ".json" if file.lower().endswith(".json") else file


def _ends(path: str) -> list[str]:
    """What is left of a path without its first folder, without its first two, and so on."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


@cache
def _by_spelling() -> dict[str, str]:
    return {spelled(game): game for game in _official()}


def _official() -> list[str]:
    return [game for split in SPLITS for game in official_games(split)]
