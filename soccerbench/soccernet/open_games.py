"""Labels and predictions of the same games, from whatever layout or format each has.

Conventions
    one game   a game's own folder or one JSON file is scored as that game, and OSL-JSON of labels as the games that it
               lists, whatever the split
    missing    a game to be scored without labels or predictions is an error under both protocols
    extra      predictions for other games, never opened: counted, or an error if `strict`
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import orjson

from soccerbench.errors import InputError, os_error
from soccerbench.soccernet.archive import GAME_KEYS, Tree
from soccerbench.soccernet.classes import CLASS_LIST, CLASSES
from soccerbench.soccernet.game_files import FileKind, GameFiles, game_named, spelled
from soccerbench.soccernet.games import SPLITS, split_games


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
    truth, found = _files(labels, label_kind), _files(predictions, prediction_kind)
    for files, other in ((truth, found), (found, truth)):
        _refuse_another_kind(files, other.kind)
    games, split = _games_of(truth, found, split)
    for files in (truth, found):
        places = {game: files.alone or files.place(game) for game in games}
        missing = [game for game, name in places.items() if name is None]
        if missing:
            file = files.tree.path / missing[0] / files.kind.names[0]
            try:
                file.stat()
            except PermissionError as error:  # of a folder, whose files are not listed either
                raise os_error(file, error, remedy="copy the file again") from None
            except OSError:
                pass
            problem = f"missing, as for {len(missing)} of {len(games)} games"
            raise InputError(file, problem, "add the file, or choose another --split")
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


def _files(path: Path, kind: FileKind) -> GameFiles:
    """The files of one kind in a folder, a zip, a JSON file, or OSL-JSON."""
    tree = Tree(path)
    files = GameFiles(tree, kind)
    if files:
        return files
    from soccerbench.soccernet.osl.document import FILES, classes_of, from_osl, osl_documents

    if FILES.get(kind.key) != kind.names[0]:
        return files
    games = [game for place, document in osl_documents(tree) for game in from_osl(document, place)]
    for game in games:
        entries = {"UrlLocal": game.game, kind.key: game.document[game.key]}
        file = game.file if game.file in kind.names else kind.names[0]
        tree.put(f"{game.game}/{file}" if len(games) > 1 else file, orjson.dumps(entries), path / game.game)
    declared = [name for _, document in osl_documents(tree) for name in classes_of(document)] if games else []
    if not set(declared) <= set(CLASSES) and {game.file for game in games} <= {
        FILES["annotations"],
        FILES["predictions"],
    }:
        tree.put(CLASS_LIST, orjson.dumps(list(dict.fromkeys(declared))), path)
    return GameFiles(tree, kind, listed=len(games) > 1)


def _games_of(truth: GameFiles, found: GameFiles, split: str) -> tuple[list[str], str]:
    """The games to score, and the split that they are."""
    if truth.alone is None and found.alone is None:
        split = "all" if truth.listed else split
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
