"""Inspection of one submitted file: all that is wrong with it, not only the first thing.

Conventions
    line   one kind of fault in one file: its first place, and how many more there are
    clock  a `gameTime` beside a position must name its second; one that does not betrays positions in another unit
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.events import FPS
from soccerbench.soccernet.archive import count_repeated_keys, parse_json
from soccerbench.soccernet.grounding_predictions import official_detection_faults, replay_faults
from soccerbench.soccernet.json_rows import Fault, count_keys, entries_of, half_faults, shown
from soccerbench.soccernet.spotting_predictions import prediction_faults

CLOCK_MARGIN_MS = 1000
_CLOCK = re.compile(r"([0-9]) - ([0-9]+):([0-9]{1,2})", re.ASCII)
_GAME_KEYS = ("UrlLocal", "UrlLocal:", "Game:")


class _Findings:
    """Faults of one file by kind, each with its first place and its number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: dict[str, InputError] = {}
        self._count: dict[str, int] = {}

    def add(self, place: str, fault: Fault) -> None:
        self._first.setdefault(fault.kind, InputError(self._path, f"{place}: {fault.problem}", fault.remedy))
        self._count[fault.kind] = self._count.get(fault.kind, 0) + 1

    def lines(self) -> list[str]:
        more = {kind: f" ({count - 1} more of the kind)" for kind, count in self._count.items() if count > 1}
        return [f"{error}{more.get(kind, '')}" for kind, error in self._first.items()]


def inspect_spotting(data: bytes, path: Path, game: str) -> list[str]:
    """What is wrong with one `results_spotting.json`.

    Args:
        data: the file.
        path: names it.
        game: whose predictions it should hold.
    """
    findings = _Findings(path)
    try:
        document = parse_json(data, path)
        _inspect_document(document, data, path, game, findings)
        entries = entries_of(document, "predictions", path, strict=True)
    except InputError as error:
        return [*findings.lines(), str(error)]
    taken: set[tuple[int, str, int]] = set()
    for number, entry in enumerate(entries, 1):
        place = f"predictions, entry {number}"
        faults = prediction_faults(entry)
        for fault in faults or _clock_faults(entry):
            findings.add(place, fault)
        if faults:
            continue
        cell = int(entry["half"]), str(entry["label"]), int(FPS * (int(entry["position"]) / 1000))
        if cell in taken:
            problem = f"a second {entry['label']!r} in the half second at {shown(entry['position'])}"
            findings.add(place, Fault("clash", problem, "keep the surer of the two; only the last one counts"))
        taken.add(cell)
    return findings.lines()


def inspect_grounding(
    data: bytes, path: Path, game: str, expected: Mapping[tuple[int, int], int] | None = None
) -> list[str]:
    """What is wrong with one `results_grounding.json`.

    Args:
        data: the file.
        path: names it.
        game: whose replays it should hold.
        expected: how many labelled replays there are of each half and end second; None where they are not known.
            Two can end in one second, if one of them lasts less.
    """
    findings = _Findings(path)
    try:
        document = parse_json(data, path)
        _inspect_document(document, data, path, game, findings)
        entries = entries_of(document, "Replays", path, strict=True)
    except InputError as error:
        return [*findings.lines(), str(error)]
    named: Counter[tuple[int, int]] = Counter()
    for number, entry in enumerate(entries, 1):
        place = f"Replays, entry {number}"
        faults = replay_faults(entry)
        for fault in faults:
            findings.add(place, fault)
        if faults:
            continue
        replay = int(entry["half"]), int(entry["end"])
        named[replay] += 1
        if expected is not None and named[replay] > expected.get(replay, 0):
            problem = f"half {replay[0]}, end {replay[1]} is no replay of the labels, or stands there already"
            findings.add(place, Fault("unexpected", problem, "give each replay of the labels once"))
        _inspect_detections(entry["detection"], place, findings)
    for (half, end_s), count in sorted((expected or {}).items()):
        if named[half, end_s] < count:
            problem = f"the replay of half {half} that ends at {end_s} s is missing"
            findings.add("Replays", Fault("missing", problem, "give every replay of the labels, [] for no detection"))
    return findings.lines()


def _inspect_document(document: Any, data: bytes, path: Path, game: str, findings: _Findings) -> None:
    repeated = count_repeated_keys(data, path, keys=count_keys(document))
    if repeated:
        findings.add("whole file", Fault("keys", f"{repeated} keys stand twice in one object", "write each key once"))
    for key in _GAME_KEYS:
        named = document.get(key, game) if isinstance(document, dict) else game
        if not isinstance(named, str) or named.rstrip("/") != game:
            problem = f"{key!r} names another game, {shown(named)}"
            findings.add("whole file", Fault("game", problem, "put each game's file in that game's folder"))


def _inspect_detections(detections: list[Any], place: str, findings: _Findings) -> None:
    taken: set[int] = set()
    for number, entry in enumerate(detections, 1):
        faults = official_detection_faults(entry)
        for fault in faults:
            findings.add(f"{place}, detection {number}", fault)
        if faults:
            continue
        frame = int(FPS * entry["time"])
        if frame in taken:
            problem = f"a second detection in the half second at {shown(entry['time'])}"
            fault = Fault("clash", problem, "keep the surer of the two; only the last one counts")
            findings.add(f"{place}, detection {number}", fault)
        taken.add(frame)


def _clock_faults(entry: dict[str, Any]) -> list[Fault]:
    """Whether a prediction without other faults contradicts its own gameTime."""
    if "gameTime" not in entry:
        return []
    clock = _CLOCK.fullmatch(entry["gameTime"]) if isinstance(entry["gameTime"], str) else None
    if clock is None or half_faults({"half": clock[1]}):
        remedy = 'give the half and the time in it as "1 - 02:13", or leave it out: it is not scored'
        return [Fault("gameTime", f"gameTime {shown(entry['gameTime'])} is none", remedy)]
    ahead_ms = int(entry["position"]) - 1000 * (60 * int(clock[2]) + int(clock[3]))
    if int(clock[1]) == int(entry["half"]) and abs(ahead_ms) <= CLOCK_MARGIN_MS:
        return []
    problem = f"gameTime {shown(entry['gameTime'])} but half {entry['half']}, position {entry['position']} ms"
    return [Fault("clock", problem, "give positions in milliseconds; they are what is scored")]
