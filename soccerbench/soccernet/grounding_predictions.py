"""Grounding predictions: one game's `results_grounding.json`, read into arrays and written in the official form.

Source: SoccerNet-v2's replay grounding task; SoccerNet 0.2.0, Evaluation/ReplayGrounding.py, for what is read.

Conventions
    file    `results_grounding.json`, or `Detection-replays.json` as the official code calls it
    game    under "UrlLocal:" or "Game:", colon included, as the official code writes it, or under "UrlLocal"
    replay  known by its half and the second in which it ends
    time    seconds from the start of the half, half seconds possible; the official vectors end at 3500
    strict  also refuses scores outside [0, 1], times before the half or beyond two hours and two in one frame
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.events import FPS, GROUNDING_FRAMES, Ints, cut_to_frames
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.columns import (
    OFFICIAL_ERRORS,
    Columns,
    numbers,
    parsed,
    repeated,
    whole_column,
    whole_number,
)
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.row_file import RowFile
from soccerbench.soccernet.rows import Table, about

GROUNDING_RESULTS = "results_grounding.json"
GROUNDING_RESULT_FILES = FileKind((GROUNDING_RESULTS, "Detection-replays.json"), "Replays")
LIMIT_S = 2 * 3600


@dataclass(frozen=True, eq=False)
class ReplayDetections:
    """Where one replay's event was detected, N detections.

    Args:
        half: 1 or 2.
        start_s: whole second in which the replay starts.
        end_s: whole second in which it ends.
        time_s: (N,) seconds from the start of the half.
        score: (N,) in [0, 1].
    """

    half: int
    start_s: int
    end_s: int
    time_s: NDArray[np.float64]
    score: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroundingPredictions:
    """The grounded replays of one game.

    Args:
        game: "league/season/game".
        replays: in the order of the file.
        half_lengths_s: of the two halves, where known; nothing reads them.
        warnings: what a lenient reader skipped or changed, counted.
    """

    game: str
    replays: Sequence[ReplayDetections]
    half_lengths_s: tuple[float, float] | None = None
    warnings: Counter[str] = field(default_factory=Counter)


def read_grounding_predictions(tree: Tree, game: str, *, strict: bool) -> GroundingPredictions:
    """Read the grounded replays of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse whatever the official scorer would silently skip or change. Otherwise what it would use is
            given, with a count.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    name = f"{game}/{tree.first(game, GROUNDING_RESULT_FILES.names) or GROUNDING_RESULTS}"
    file = RowFile(tree.read(name), tree.where(name), "Replays", strict=strict)
    table, (half, start_s, end_s) = replay_table(file.entries)
    bad = file.first_bad(table)
    found = Detections([entry["detection"] for entry in table.entries[:bad]], official=not strict)
    wrong = file.first_bad(found.table)
    clashes = found.clashes(None if wrong is None else found.bounds[found.owner[wrong]])
    if clashes.any() and strict:
        number = int(np.argmax(clashes > 0))
        problem = f"Replays, entry {number + 1}, detection: {clashes[number]} share half a second with another"
        raise InputError(file.path, problem, "keep the most confident of them")
    if wrong is not None:
        raise file.error(found.table, wrong, found.place(wrong))
    if bad is not None:
        raise file.error(table, bad)
    file.count(table)
    file.count(found.table)
    if clashes.any():
        file.warnings["detections of a replay in a frame that a later one takes over"] += int(clashes.sum())
    file.check_repeated_keys(nested=True)
    parts = pairwise(found.bounds)
    replays = (
        ReplayDetections(half_, start, end, found.time_s[first:stop], found.score[first:stop])
        for half_, start, end, (first, stop) in zip(half.tolist(), start_s.tolist(), end_s.tolist(), parts, strict=True)
    )
    return GroundingPredictions(game, tuple(replays), warnings=file.warnings)


def replay_table(entries: Sequence[Any]) -> tuple[Table, tuple[Ints, Ints, Ints]]:
    """A list of replays without their detections: its faults, and half, start and end of each."""
    table, remedy = Table(entries, "a replay"), "give whole seconds from the start of the half"
    half = table.halves()
    seconds = []
    for key in ("start", "end"):
        values = table.values(key, None)
        second, is_whole, readable = parsed(values, whole_column, whole_number)
        outside = is_whole & ((second < 0) | (second > LIMIT_S))
        table.add(
            f"{key}s that are no whole second, cut to one", ~is_whole, about(f"{key} {{}} is none", values), remedy
        )
        problem = about(f"{key} {{}} is outside of the half", values)
        table.add(f"{key}s outside of the half", outside, problem, remedy)
        table.refused |= ~readable
        seconds.append(second)
    start_s, end_s = seconds
    backwards = ~table.faulty & (start_s > end_s)
    table.add("replays that end before they start", backwards, lambda _: "it ends before it starts", remedy)
    detections = table.values("detection", None)
    no_list = np.array([not isinstance(found, list) for found in detections], np.bool_)
    kind, problem = "replays without a list of detections", lambda _: "no list under 'detection'"
    table.add(kind, no_list, problem, "write [] for none")
    table.refused |= np.array([not isinstance(found, list) and found not in ("", {}) for found in detections], np.bool_)
    return table, (half, start_s, end_s)


class Detections:
    """The detections of several replays in one table, D of all.

    Args:
        lists: one a replay; anything empty for none.
        official: times beyond 3500 s, where the official scorer fails, are a fault.

    Attributes:
        owner: (D,) the replay that each is of, counted from 0.
        bounds: where each replay's begin, and the end.
        time_s: (D,) seconds from the start of the half.
        score: (D,)
        table: their faults.
    """

    def __init__(self, lists: Sequence[Any], *, official: bool) -> None:
        counts = [len(found) for found in lists]
        self.bounds: list[int] = np.cumsum([0, *counts]).tolist()
        self.owner: Ints = np.repeat(np.arange(len(counts)), counts)
        self.table = table = Table([entry for found in lists for entry in found], "a detection")
        values = table.values("time", None)
        remedy = "give seconds from the start of the half, as a number"
        self.time_s, number, readable = parsed(values, _time_column, _time)
        for kind, rows, problem in (
            ("times that are no number, doubled as they are", ~number, "is no number"),
            ("times before the half, wrapped round to the end of 3500 seconds", number & (self.time_s < 0),
             "is before the half"),
            ("times beyond two hours", number & (self.time_s > LIMIT_S), "is beyond two hours"),
        ):  # fmt: skip
            table.add(kind, rows, about(f"time {{}} {problem}", values), remedy)
        self.score, unreadable, missing = table.confidences("score")
        if official:
            late = ~table.faulty & (FPS * self.time_s >= GROUNDING_FRAMES)
            fails = about("time {} is beyond 3500 s, where the official scorer fails", values)
            table.add("times beyond 3500 s", late, fails, "score with --protocol strict")
        table.refused |= ~readable | unreadable | missing

    def place(self, row: int) -> str:
        """How an error names a detection."""
        owner = int(self.owner[row])
        return f"Replays, entry {owner + 1}, detection, entry {row - self.bounds[owner] + 1}"

    def clashes(self, stop: int | None = None) -> Ints:
        """How many detections of each replay share a half second with another, of the first `stop` of them all."""
        frame = cut_to_frames(self.time_s[:stop]).astype(np.int64) % GROUNDING_FRAMES
        owner = self.owner[:stop]
        return np.bincount(owner[repeated(owner * GROUNDING_FRAMES + frame)], minlength=len(self.bounds) - 1)


def grounding_bytes(predictions: GroundingPredictions) -> bytes:
    """One game's replays as an official `results_grounding.json`."""
    lengths = predictions.half_lengths_s or (0, 0)
    replays = [
        {
            "half": replay.half,
            "start": replay.start_s,
            "end": replay.end_s,
            "detection": [
                {"time": time, "score": score}
                for time, score in zip(
                    replay.time_s.astype(np.float64).tolist(), replay.score.astype(np.float64).tolist(), strict=True
                )
            ],
        }
        for replay in predictions.replays
    ]
    document = {
        "UrlLocal:": predictions.game,
        "half1_time": int(lengths[0]),
        "half2_time": int(lengths[1]),
        "Replays": replays,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def write_grounding_predictions(path: Path, games: Iterable[GroundingPredictions]) -> None:
    """Write a zip in the official layout, one `results_grounding.json` a game."""
    write_zip(path, ((f"{game.game}/{GROUNDING_RESULTS}", grounding_bytes(game)) for game in games))


def _time_column(values: Sequence[Any]) -> Columns:
    if not {int, float}.issuperset(map(type, values)):
        raise ValueError("not every time is a number")
    time_s = numbers(values, np.float64)
    if not np.isfinite(time_s).all():
        raise ValueError("not every time is finite")
    frame = cut_to_frames(time_s)
    return time_s, np.ones(len(values), np.bool_), (frame >= -GROUNDING_FRAMES) & (frame < GROUNDING_FRAMES)


def _time(value: Any) -> tuple[float, bool, bool]:
    """A time, whether it is a number, and whether the official scorer can read it, which doubles text as text."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    try:
        frame = int(value * FPS)
    except OFFICIAL_ERRORS:
        return (_infinite(value) if number else 0.0), number, False
    readable = -GROUNDING_FRAMES <= frame < GROUNDING_FRAMES
    if not number:
        return (frame / FPS if readable else 0.0), False, readable
    try:
        return float(value), True, readable
    except OverflowError:
        return _infinite(value), True, readable


def _infinite(value: float) -> float:
    return math.inf if value > 0 else -math.inf
