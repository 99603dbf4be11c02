"""What is wrong with one results file of a submission, one line a kind of fault with its first place and its count.

Conventions
    clock    a `gameTime` that can be read, with or without a half, must name the second of its position; one that
             does not suggests positions in another unit; another is not scored and does no harm
    replays  known by the half of the event and the second in which the replay ends
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
from soccerbench.soccernet.archive import GAME_KEYS, count_repeated_keys, parse_json
from soccerbench.soccernet.classes import SOCCERNET_V2, ClassList
from soccerbench.soccernet.columns import repeated
from soccerbench.soccernet.game_files import is_of
from soccerbench.soccernet.grounding_predictions import Detections, replay_table
from soccerbench.soccernet.lists.event_files import EventColumns
from soccerbench.soccernet.row_file import count_keys, entries_of
from soccerbench.soccernet.rows import Fault, Table, shown
from soccerbench.soccernet.spotting_predictions import prediction_table

CLOCK_MARGIN_MS = 1000
Task = Literal["spotting", "grounding"]
_CLOCK = re.compile(r"(?:([12]) - )?([0-9]{1,9}):([0-9]{1,2})", re.ASCII)


class Findings:
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
        """One line a kind, in the order of their first places."""
        more = {kind: f" ({count - 1} more of the kind)" for kind, count in self._count.items() if count > 1}
        ordered = sorted(self._first.items(), key=lambda item: item[1][0])
        return [f"{error}{more.get(kind, '')}" for kind, (_, error) in ordered]


def inspect_file(
    data: bytes,
    path: Path,
    game: str,
    task: Task,
    expected: Mapping[tuple[int, int], int] | None,
    classes: ClassList = SOCCERNET_V2,
) -> list[str]:
    """What is wrong with one results file.

    Args:
        data: the file.
        path: names it.
        game: whose results it should hold.
        task: "spotting" or "grounding".
        expected: how many labelled replays there are of each half and end second; None where they are not known.
            Two can end in one second, if one of them lasts less.
        classes: those predicted.
    """
    findings = Findings(path)
    try:
        document = parse_json(data, path)
        _inspect_document(document, data, path, game, findings)
        if task == "spotting":
            _inspect_predictions(entries_of(document, "predictions", path, strict=True), classes, findings)
        else:
            _inspect_replays(entries_of(document, "Replays", path, strict=True), expected, findings)
    except InputError as error:
        return [*findings.lines(), str(error)]
    return findings.lines()


def _inspect_document(document: Any, data: bytes, path: Path, game: str, findings: Findings) -> None:
    repeated = count_repeated_keys(data, path, keys=count_keys(document))
    if repeated:
        problem = f"keys that appear twice in one object ({repeated})"
        findings.add("keys", "whole file", problem, "write each key once", order=(-2,))
    for key in GAME_KEYS:
        named = document.get(key, game) if isinstance(document, dict) else game
        if not is_of(named, game):
            problem, remedy = (
                f"{key!r} names another game, {shown(named)}",
                "put each game's file in that game's folder",
            )
            findings.add("game", "whole file", problem, remedy, order=(-1,))


def _inspect_predictions(entries: list[Any], classes: ClassList, findings: Findings) -> None:
    table, columns = prediction_table(entries, classes)
    good = ~table.faulty
    _add_clock_faults(table, columns, good)
    _add_clashes(table, columns, good, len(classes.names))
    findings.add_table(table.faults, lambda row: f"predictions, entry {row + 1}", lambda row: (row,))


def _add_clock_faults(table: Table, columns: EventColumns, good: Bools) -> None:
    """Note the predictions without other faults that contradict their own gameTime."""
    values = table.values("gameTime")
    found = [_CLOCK.fullmatch(value) if isinstance(value, str) else None for value in values]
    parts = [(-1, 0, 0) if clock is None else (int(clock[1] or 0), int(clock[2]), int(clock[3])) for clock in found]
    half, minute, second = np.array(parts, np.float64).reshape(-1, 3).T
    ahead_ms = columns.position_ms - 1000 * (60 * minute + second)
    right = ((half == 0) | (half == columns.half)) & (np.abs(ahead_ms) <= CLOCK_MARGIN_MS)

    def problem(row: int) -> str:
        entry = table.entries[row]
        return f"gameTime {shown(values[row])} but half {entry['half']}, position {entry['position']} ms"

    table.add("clock", good & (half >= 0) & ~right, problem, "give positions in milliseconds; they are what is scored")


def _add_clashes(table: Table, columns: EventColumns, good: Bools, classes: int) -> None:
    """Note every prediction without faults but the first of its half, class and frame."""
    rows = np.flatnonzero(good)
    frame = frames_of(columns.position_ms[rows], "strict")
    place = (columns.half[rows] * classes + columns.label[rows]) * (2 * SPOTTING_FRAMES) + frame

    def problem(row: int) -> str:
        event, position = table.entries[row]["label"], table.entries[row]["position"]
        return f"a second {event!r} in the half second at {shown(position)}"

    clashes = np.zeros_like(good)
    clashes[rows] = repeated(place)
    table.add("clash", clashes, problem, "keep the more confident of the two; only the last one counts")


def _inspect_replays(entries: list[Any], expected: Mapping[tuple[int, int], int] | None, findings: Findings) -> None:
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


def _inspect_detections(replays: Table, good: list[int], findings: Findings) -> None:
    """Note what is wrong with the detections of the replays without faults."""
    found = Detections([replays.entries[row]["detection"] for row in good], official=True)
    rows = np.flatnonzero(~found.table.faulty)
    frame = cut_to_frames(found.time_s[rows]).astype(np.int64)
    clashes = np.zeros(len(found.table), np.bool_)
    clashes[rows] = repeated(found.owner[rows] * GROUNDING_FRAMES + frame)

    def problem(row: int) -> str:
        return f"a second detection in the half second at {shown(found.table.entries[row]['time'])}"

    found.table.add("clash", clashes, problem, "keep the more confident of the two; only the last one counts")
    places = [(good[owner], row - found.bounds[owner]) for row, owner in enumerate(found.owner.tolist())]

    def place(row: int) -> str:
        return f"Replays, entry {places[row][0] + 1}, detection {places[row][1] + 1}"

    findings.add_table(found.table.faults, place, lambda row: (places[row][0], 2, places[row][1]))
