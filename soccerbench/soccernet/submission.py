"""Submissions: what a server would reject or silently misread, and packing of the official zip.

Source: SoccerNet-v2's submission instructions; SoccerNet 0.2.0 for what is read from each file.

Conventions
    layout    <league>/<season>/<game>/results_<task>.json, nothing around the leagues, nothing else inside
    problem   one line: file, place in it, what is wrong, what to do; one a kind of fault in one file, with its first
              place and how many more there are
    replays   a submission names a replay by the half of its event and the second in which it ends
    clock     a `gameTime` next to a position must name its second; one that does not suggests positions in another unit
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from soccerbench.errors import InputError
from soccerbench.events import GROUNDING_FRAMES, SPOTTING_FRAMES, Bools, cut_to_frames, frames_of
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree, count_repeated_keys, parse_json
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.games import SPLITS, located, official_games, split_games
from soccerbench.soccernet.grounding_predictions import GROUNDING_FILES, Detections, replay_table
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.rows import MISSING, Fault, Table, count_keys, entries_of, shown
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULTS, PredictionColumns, prediction_table

CLOCK_MARGIN_MS = 1000
_CLOCK = re.compile(r"([0-9]) - ([0-9]+):([0-9]{1,2})", re.ASCII)
_GAME_KEYS = ("UrlLocal", "UrlLocal:", "Game:")
Task = Literal["spotting", "grounding"]
RESULT_FILES: dict[Task, tuple[str, ...]] = {"spotting": (SPOTTING_RESULTS,), "grounding": GROUNDING_FILES}


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
    found, problems = _locate(tree, task, games)
    another = None if found else _another_split(tree, task, split, label_tree)
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
    names = {game: f"{game}/{file}" for game in games for file in RESULT_FILES[task] if f"{game}/{file}" in tree}
    another = None if names else _another_split(tree, task, split, label_tree)
    problems = [another] if another else _inspect(tree, task, games, names, label_tree)
    if not problems:
        write_zip(out, ((f"{game}/{RESULT_FILES[task][0]}", tree.read(name)) for game, name in names.items()))
    return problems


def _is_simulated(run: Path) -> bool:
    """Whether a run was made on simulated data."""
    tree = Tree(run)
    result = tree.json("result.json") if "result.json" in tree else None
    return isinstance(result, dict) and bool(result.get("simulated"))


def _expected_games(labels: Tree | None, split: str) -> Sequence[str]:
    return official_games(split) if labels is None else split_games(labels, split)


def _another_split(tree: Tree, task: Task, split: str, labels: Tree | None) -> str | None:
    """One line about a tree all of whose games are of other splits; none where it has no games at all."""
    games = {game for game, _, file in map(located, tree.names()) if file in RESULT_FILES[task]}
    likely = [other for other in SPLITS if games & set(_expected_games(labels, other))]
    if not games or split in likely:
        return None
    remedy = f"choose --split {likely[0]}" if likely else "choose another --split, or give the --labels of their root"
    return str(InputError(tree.path, f"holds none of the games of split {split}, but {len(games)} others", remedy))


def _locate(tree: Tree, task: Task, games: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The file of each game, wherever it is, and what is wrong with names and places."""
    expected, files = set(games), RESULT_FILES[task]
    found: dict[str, str] = {}
    problems = [_line(tree, name, "appears twice in the zip", "pack it once") for name in tree.repeated]
    around: Counter[str] = Counter()
    for name in tree.names():
        game, outside, file = located(name)
        if file not in files:
            remedy = f"name it {files[0]}" if game in expected and file.endswith(".json") else "leave it out"
            problems.append(_line(tree, name, "is no file of a submission", remedy))
        elif game not in expected:
            problems.append(_line(tree, name, "is of no game of the split", "leave it out, or choose another --split"))
        elif game in found:
            problems.append(_line(tree, name, f"is a second file for its game, next to {found[game]}", "pack one"))
        else:
            found[game] = name
            around[outside] += bool(outside)
            if "\\" in name:
                problems.append(_line(tree, name, "has backslashes in its name", "pack it with forward slashes"))
    named = {name.replace("\\", "/").rpartition("/")[2] for name in found.values()}
    if len(named) > 1:
        problem = f"holds {' and '.join(sorted(named))}"
        problems.append(str(InputError(tree.path, problem, f"name every file {files[0]}; a server takes one name")))
    for folder, count in around.items():
        if count:
            problems.append(_line(tree, folder, f"is around {count} games", "pack the leagues at the top of the zip"))
    return found, problems


def _inspect(tree: Tree, task: Task, games: Sequence[str], found: Mapping[str, str], labels: Tree | None) -> list[str]:
    """What is wrong with the games' files, missing ones first."""
    problems = [
        _line(tree, f"{game}/{RESULT_FILES[task][0]}", "missing", "predict every game of the split")
        for game in games
        if game not in found
    ]
    for game, name in found.items():
        path = tree.path / name
        try:
            data = tree.read(name)
        except InputError as error:
            problems.append(str(error))
            continue
        expected = _replays(labels, game) if task == "grounding" and labels is not None else None
        problems += _inspect_file(data, path, game, task, expected)
    return problems


class _Findings:
    """Faults of one file by kind, each with its first place and its number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: dict[str, tuple[tuple[int, ...], InputError]] = {}
        self._count: Counter[str] = Counter()

    def add(self, kind: str, place: str, problem: str, remedy: str, *, order: tuple[int, ...], count: int = 1) -> None:
        """Note a fault; lines come in the order of their first places."""
        if kind not in self._first or order < self._first[kind][0]:
            self._first[kind] = order, InputError(self._path, f"{place}: {problem}", remedy)
        self._count[kind] += count

    def add_table(
        self, faults: Sequence[Fault], place: Callable[[int], str], order: Callable[[int], tuple[int, ...]]
    ) -> None:
        """Note all faults of a table."""
        for number, fault in enumerate(faults):
            row, count = int(np.argmax(fault.rows)), int(np.count_nonzero(fault.rows))
            self.add(fault.kind, place(row), fault.problem(row), fault.remedy, order=(*order(row), number), count=count)

    def lines(self) -> list[str]:
        more = {kind: f" ({count - 1} more of the kind)" for kind, count in self._count.items() if count > 1}
        ordered = sorted(self._first.items(), key=lambda item: item[1][0])
        return [f"{error}{more.get(kind, '')}" for kind, (_, error) in ordered]


def _inspect_file(
    data: bytes, path: Path, game: str, task: Task, expected: Mapping[tuple[int, int], int] | None
) -> list[str]:
    """What is wrong with one results file.

    Args:
        data: the file.
        path: names it.
        game: whose results it should hold.
        task: "spotting" or "grounding".
        expected: how many labelled replays there are of each half and end second; None where they are not known.
            Two can end in one second, if one of them lasts less.
    """
    findings = _Findings(path)
    try:
        document = parse_json(data, path)
        _inspect_document(document, data, path, game, findings)
        if task == "spotting":
            _inspect_predictions(entries_of(document, "predictions", path, strict=True), findings)
        else:
            _inspect_replays(entries_of(document, "Replays", path, strict=True), expected, findings)
    except InputError as error:
        return [*findings.lines(), str(error)]
    return findings.lines()


def _inspect_document(document: Any, data: bytes, path: Path, game: str, findings: _Findings) -> None:
    repeated = count_repeated_keys(data, path, keys=count_keys(document))
    if repeated:
        problem = f"{repeated} keys appear twice in one object"
        findings.add("keys", "whole file", problem, "write each key once", order=(-2,))
    for key in _GAME_KEYS:
        named = document.get(key, game) if isinstance(document, dict) else game
        if not isinstance(named, str) or named.rstrip("/") != game:
            problem, remedy = (
                f"{key!r} names another game, {shown(named)}",
                "put each game's file in that game's folder",
            )
            findings.add("game", "whole file", problem, remedy, order=(-1,))


def _inspect_predictions(entries: list[Any], findings: _Findings) -> None:
    table, columns = prediction_table(entries)
    good = ~table.faulty
    _add_clock_faults(table, columns, good)
    _add_clashes(table, columns, good)
    findings.add_table(table.faults, lambda row: f"predictions, entry {row + 1}", lambda row: (row,))


def _add_clock_faults(table: Table, columns: PredictionColumns, good: Bools) -> None:
    """Note the predictions without other faults that contradict their own gameTime."""
    values = table.values("gameTime")
    found = [_CLOCK.fullmatch(value) if isinstance(value, str) else None for value in values]
    parts = [(0, 0, 0) if clock is None else (int(clock[1]), int(clock[2]), int(clock[3])) for clock in found]
    half, minute, second = np.array(parts, np.float64).reshape(-1, 3).T
    well = (half == 1) | (half == 2)
    given = good & np.array([value is not MISSING for value in values], np.bool_)
    ahead_ms = columns.position_ms - 1000 * (60 * minute + second)
    right = (half == columns.half) & (np.abs(ahead_ms) <= CLOCK_MARGIN_MS)
    remedy = 'give the half and the time in it as "1 - 02:13", or leave it out: it is not scored'
    table.add("gameTime", given & ~well, lambda row: f"gameTime {shown(values[row])} is none", remedy)

    def problem(row: int) -> str:
        entry = table.entries[row]
        return f"gameTime {shown(values[row])} but half {entry['half']}, position {entry['position']} ms"

    table.add("clock", given & well & ~right, problem, "give positions in milliseconds; they are what is scored")


def _add_clashes(table: Table, columns: PredictionColumns, good: Bools) -> None:
    """Note every prediction without faults but the first of its half, class and frame."""
    rows = np.flatnonzero(good)
    frame = frames_of(columns.position_ms[rows], "strict")
    place = (columns.half[rows] * len(CLASSES) + columns.label[rows]) * (2 * SPOTTING_FRAMES) + frame

    def problem(row: int) -> str:
        event, position = table.entries[row]["label"], table.entries[row]["position"]
        return f"a second {event!r} in the half second at {shown(position)}"

    clashes = good.copy()
    clashes[rows[np.unique(place, return_index=True)[1]]] = False
    table.add("clash", clashes, problem, "keep the more confident of the two; only the last one counts")


def _inspect_replays(entries: list[Any], expected: Mapping[tuple[int, int], int] | None, findings: _Findings) -> None:
    table, (half, _, end_s) = replay_table(entries)
    findings.add_table(table.faults, lambda row: f"Replays, entry {row + 1}", lambda row: (row, 0))
    good = np.flatnonzero(~table.faulty).tolist()
    named: Counter[tuple[int, int]] = Counter()
    for row in good:
        replay = int(half[row]), int(end_s[row])
        named[replay] += 1
        if expected is not None and named[replay] > expected.get(replay, 0):
            problem = f"half {replay[0]}, end {replay[1]} is no replay of the labels, or is there already"
            remedy = "give each replay of the labels once"
            findings.add("unexpected", f"Replays, entry {row + 1}", problem, remedy, order=(row, 1))
    _inspect_detections(table, good, findings)
    for (half_, end), count in sorted((expected or {}).items()):
        if named[half_, end] < count:
            problem = f"the replay of half {half_} that ends at {end} s is missing"
            remedy = "give every replay of the labels, [] for no detection"
            findings.add("missing", "Replays", problem, remedy, order=(len(entries),))


def _inspect_detections(replays: Table, good: list[int], findings: _Findings) -> None:
    """Note what is wrong with the detections of the replays without faults."""
    found = Detections([replays.entries[row]["detection"] for row in good], official=True)
    rows = np.flatnonzero(~found.table.faulty)
    frame = cut_to_frames(found.time_s[rows]).astype(np.int64)
    clashes = np.zeros(len(found.table), np.bool_)
    clashes[rows] = True
    clashes[rows[np.unique(found.owner[rows] * GROUNDING_FRAMES + frame, return_index=True)[1]]] = False

    def problem(row: int) -> str:
        return f"a second detection in the half second at {shown(found.table.entries[row]['time'])}"

    found.table.add("clash", clashes, problem, "keep the more confident of the two; only the last one counts")
    places = [(good[owner], row - found.bounds[owner]) for row, owner in enumerate(found.owner.tolist())]

    def place(row: int) -> str:
        return f"Replays, entry {places[row][0] + 1}, detection {places[row][1] + 1}"

    findings.add_table(found.table.faults, place, lambda row: (places[row][0], 2, places[row][1]))


def _replays(labels: Tree, game: str) -> Counter[tuple[int, int]]:
    """The labelled replays by half and end second: the half of the event, where that is known."""
    replays = read_replays(labels, game, strict=False).replays
    return Counter((replay.half if replay.link is None else replay.link.half, replay.end_s) for replay in replays)


def _line(tree: Tree, name: str, problem: str, remedy: str) -> str:
    return str(InputError(tree.path / name, problem, remedy))
