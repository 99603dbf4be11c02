"""Submissions: what a server would reject or silently misread, and packing of the official zip.

Source: SoccerNet-v2's submission instructions; SoccerNet 0.2.0 for what is read from each file.

Conventions
    layout    <league>/<season>/<game>/results_<task>.json, nothing around the leagues, nothing else inside
    problem   one line: file, place in it, what is wrong, what to do; one a kind of fault in one file, with its first
              place and how many more there are
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from soccerbench.errors import InputError, counted
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import SOCCERNET_V2, ClassList
from soccerbench.soccernet.game_files import FileKind, GameFiles, spelled
from soccerbench.soccernet.games import GAME_DEPTH, SPLITS, official_games, split_games
from soccerbench.soccernet.grounding_predictions import GROUNDING_RESULT_FILES
from soccerbench.soccernet.labels import SPOTTING_LABEL_FILES, label_classes
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.result_faults import Task, inspect_file
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULT_FILES

RESULTS: dict[Task, FileKind] = {
    "spotting": SPOTTING_RESULT_FILES,
    "grounding": GROUNDING_RESULT_FILES,
}
_REMEDIES = {
    "names with backslashes": "pack them with forward slashes",
    "names that begin with ./": "pack them with names that begin with the league",
    "files that a system added": "pack without them: zip -x '.*' '__MACOSX*'",
}


def validate_submission(path: Path, *, task: Task, split: str, labels: Path | None = None) -> list[str]:
    """Everything in a zip or folder that a server would reject or silently misread.

    Args:
        path: the submission.
        task: "spotting" or "grounding".
        split: whose games are expected.
        labels: the root of the labels: its `splits.json`, if it has one, says which games are expected, and for
            grounding its camera annotations which replays.

    Returns:
        One line a problem; none for a clean submission.

    Raises:
        InputError: a submission that is neither a folder nor a readable zip, or `labels` that cannot be used.
        ValueError: no such split.
    """
    label_tree = None if labels is None else Tree(labels)
    games = _expected_games(label_tree, split)
    tree = Tree(path)
    files = GameFiles(tree, RESULTS[task])
    found, problems = _locate(files, games)
    another = None if found else _another_split(files, split, label_tree)
    return [another] if another else problems + _inspect(tree, task, games, found, label_tree)


def pack_submission(source: Path, out: Path, *, task: Task, split: str, labels: Path | None = None) -> list[str]:
    """Pack the official zip of one split, if nothing is wrong with it.

    Args:
        source: a folder or zip with one results file a game, or the folder of a run with `predictions-<split>.zip`;
            of a run on simulated data all games are packed where no labels say which they are.
        out: the zip to write.
        task: "spotting" or "grounding".
        split: whose games to pack; files of other games are left out.
        labels: as in `validate_submission`.

    Returns:
        What is wrong, one line a problem; `out` is written only if there is nothing.

    Raises:
        InputError: a source that cannot be read, a run without predictions for the split, or an `out` that cannot be
            written.
        ValueError: no such split.
    """
    label_tree = None if labels is None else Tree(labels)
    games = _expected_games(label_tree, split)
    zips = {file.name: file for file in sorted(source.glob("predictions-*.zip"))}
    own = f"predictions-{split}.zip"
    if zips and own not in zips:
        raise InputError(source, f"a run without {own}", f"it has {', '.join(zips)}; choose another --split")
    tree = Tree(zips.get(own, source))
    if own in zips and labels is None and _is_simulated(source):
        games = [name.rpartition("/")[0] for name in tree.names()]
    files = GameFiles(tree, RESULTS[task])
    names = {game: name for game in games if (name := files.place(game)) is not None}
    another = None if names else _another_split(files, split, label_tree)
    problems = [another] if another else _inspect(tree, task, games, names, label_tree)
    if not problems:
        write_zip(out, ((f"{game}/{RESULTS[task].names[0]}", tree.read(name)) for game, name in names.items()))
    return problems


def _is_simulated(run: Path) -> bool:
    """Whether a run was made on simulated data."""
    tree = Tree(run)
    result = tree.json("result.json") if "result.json" in tree else None
    return isinstance(result, dict) and bool(result.get("simulated"))


def _expected_games(labels: Tree | None, split: str) -> Sequence[str]:
    return official_games(split) if labels is None else split_games(labels, split)


def _another_split(files: GameFiles, split: str, labels: Tree | None) -> str | None:
    """One line about a tree all of whose games are of other splits; none where it has no games at all."""
    games = set(files.games())
    likely = [other for other in SPLITS if games & set(_expected_games(labels, other))]
    if not games or split in likely:
        return None
    remedy = f"choose --split {likely[0]}" if likely else "choose another --split, or give the --labels of their root"
    return str(
        InputError(
            files.tree.path, f"holds none of the games of split {split}, but {counted(len(games), 'other')}", remedy
        )
    )


def _places(files: GameFiles, games: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The file of each game that has one, and a line for each with several."""
    found, problems = {}, []
    for game in games:
        try:
            name = files.place(game)
        except InputError as error:
            problems.append(str(error))
            continue
        if name is not None:
            found[game] = name
    return found, problems


def _locate(files: GameFiles, games: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The file of each game, wherever it is, and what is wrong with names and places."""
    tree, official = files.tree, files.kind.names
    problems = [_line(tree, name, "appears twice in the zip", "pack it once") for name in tree.repeated]
    for oddity, count in tree.oddities.items():
        problems.append(str(InputError(tree.path, f"{oddity} ({count})", _REMEDIES[oddity])))
    found, unclear = _places(files, games)
    problems += unclear
    game_of, spelling = {name: game for game, name in found.items()}, {spelled(game): game for game in games}
    around: Counter[str] = Counter()
    for name in tree.names():
        folder, _, file = name.rpartition("/")
        game = game_of.get(name) or spelling.get(spelled("/".join(folder.split("/")[-GAME_DEPTH:])))
        if file not in official:
            remedy = f"name it {official[0]}" if game and file.lower().endswith(".json") else "leave it out"
            problems.append(_line(tree, name, "is no file of a submission", remedy))
        elif game is None:
            problems.append(_line(tree, name, "is of no game of the split", "leave it out, or choose another --split"))
        elif name not in game_of:
            problems.append(_line(tree, name, f"is a second file for its game, next to {found.get(game)}", "pack one"))
        elif folder.endswith(f"/{game}"):
            around[folder.removesuffix(f"/{game}")] += 1
        elif folder != game:
            problems.append(_line(tree, name, f"is not in the folder {game}", "pack it there"))
    named = {name.rpartition("/")[2] for name in found.values()}
    if len(named) > 1:
        problem = f"holds {' and '.join(sorted(named))}"
        problems.append(str(InputError(tree.path, problem, f"name every file {official[0]}; a server takes one name")))
    for outside, count in around.items():
        problem = f"is around {counted(count, 'game')}"
        problems.append(_line(tree, outside, problem, "pack the leagues at the top of the zip"))
    return found, problems


def _inspect(tree: Tree, task: Task, games: Sequence[str], found: Mapping[str, str], labels: Tree | None) -> list[str]:
    """What is wrong with the games' files, missing ones first."""
    classes = SOCCERNET_V2 if labels is None or task == "grounding" else _classes(labels, games)
    problems = [
        _line(tree, f"{game}/{RESULTS[task].names[0]}", "missing", "predict every game of the split")
        for game in games
        if game not in found
    ]
    for game, name in found.items():
        path = tree.where(name)
        try:
            data = tree.read(name)
        except InputError as error:
            problems.append(str(error))
            continue
        expected = _replays(labels, game) if task == "grounding" and labels is not None else None
        problems += inspect_file(data, path, game, task, expected, classes)
    return problems


def _classes(labels: Tree, games: Sequence[str]) -> ClassList:
    """The classes that may be predicted."""
    files = GameFiles(labels, SPOTTING_LABEL_FILES)
    for game in games:
        if (name := files.place(game)) is not None:
            files.give(game, name)
    return label_classes(labels, games)


def _replays(labels: Tree, game: str) -> Counter[tuple[int, int]]:
    """The labelled replays by half and end second: the half of the event, where that is known."""
    replays = read_replays(labels, game, strict=False).replays
    return Counter((replay.half if replay.link is None else replay.link.half, replay.end_s) for replay in replays)


def _line(tree: Tree, name: str, problem: str, remedy: str) -> str:
    return str(InputError(tree.path / name, problem, remedy))
