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

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.events import FPS, GROUNDING_FRAMES
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.json_rows import (
    EntryReader,
    Fault,
    confidence_faults,
    confidence_of,
    count_keys,
    entries_of,
    half_faults,
    refuse_repeated_keys,
    shown,
    whole_number,
)

GROUNDING_RESULTS = "results_grounding.json"
GROUNDING_FILES = (GROUNDING_RESULTS, "Detection-replays.json")
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
        warnings: what a lenient reader passed over, counted.
    """

    game: str
    replays: Sequence[ReplayDetections]
    half_lengths_s: tuple[float, float] | None = None
    warnings: Counter[str] = field(default_factory=Counter)


def grounding_file(tree: Tree, game: str) -> str:
    """The name of the game's grounding predictions.

    Raises:
        InputError: there are none.
    """
    for file in GROUNDING_FILES:
        if f"{game}/{file}" in tree:
            return f"{game}/{file}"
    raise InputError(tree.path / game / GROUNDING_RESULTS, "missing", "put the file there or leave the game out")


def read_grounding_predictions(tree: Tree, game: str, *, strict: bool) -> GroundingPredictions:
    """Read the grounded replays of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse whatever the official scorer would pass over or bend in silence. Otherwise what it would use is
            given, with a count.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    name = grounding_file(tree, game)
    path = tree.path / name
    data = tree.read(name)
    document = parse_json(data, path, lenient=not strict)
    warnings: Counter[str] = Counter()
    replay_reader = EntryReader(path, "Replays", _read_replay, replay_faults, strict, warnings)
    replays = []
    for number, entry in enumerate(entries_of(document, "Replays", path, strict=strict), 1):
        header = replay_reader.one(number, entry)
        assert header is not None
        place = f"Replays, entry {number}, detection"
        time_s, score = _read_detections(entry["detection"], place, path, strict=strict, warnings=warnings)
        replays.append(ReplayDetections(*header, time_s, score))
    refuse_repeated_keys(data, path, keys=count_keys(document), strict=strict, warnings=warnings)
    return GroundingPredictions(game, tuple(replays), warnings=warnings)


def replay_faults(entry: Any) -> list[Fault]:
    """All that a strict reader minds in one replay, its detections aside."""
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object a replay")]
    found, remedy = half_faults(entry), "give whole seconds from the start of the half"
    for key in ("start", "end"):
        value = entry.get(key)
        whole = value.is_integer() if isinstance(value, float) else whole_number(value)
        if not whole:
            found.append(Fault(f"{key}s that are no whole second, cut to one", f"{key} {shown(value)} is none", remedy))
        elif not 0 <= int(value or 0) <= LIMIT_S:
            found.append(Fault(f"{key}s outside of the half", f"{key} {shown(value)} lies outside of the half", remedy))
    if not found and int(entry["start"]) > int(entry["end"]):
        found.append(Fault("replays that end before they start", "it ends before it starts", remedy))
    if not isinstance(entry.get("detection"), list):
        found.append(Fault("replays without a list of detections", "no list under 'detection'", "write [] for none"))
    return found


def detection_faults(entry: Any) -> list[Fault]:
    """All that a strict reader minds in one detection of a replay."""
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object a detection")]
    time, remedy = entry.get("time"), "give seconds from the start of the half, as a number"
    problem, found = f"time {shown(time)}", confidence_faults(entry, "score")
    if isinstance(time, bool) or not isinstance(time, (int, float)) or time != time:
        return [Fault("times that are no number, doubled as they stand", f"{problem} is no number", remedy), *found]
    if time < 0:
        kind = "times before the half, wrapped round to the end of 3500 seconds"
        return [Fault(kind, f"{problem} lies before the half", remedy), *found]
    if time > LIMIT_S:
        return [Fault("times beyond two hours", f"{problem} lies beyond two hours", remedy), *found]
    return found


def official_detection_faults(entry: Any) -> list[Fault]:
    """The same, and times at which the official scorer fails."""
    found = detection_faults(entry)
    time = entry.get("time") if isinstance(entry, dict) else None
    if not found and isinstance(time, (int, float)) and FPS * time >= GROUNDING_FRAMES:
        problem = f"time {shown(time)} lies beyond 3500 s, where the official scorer fails"
        found.append(Fault("times beyond 3500 s", problem, "score with --protocol strict"))
    return found


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


def _read_detections(
    detections: Any, place: str, path: Path, *, strict: bool, warnings: Counter[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and scores, (N,) each."""
    columns = _read_clean(detections) if detections else None
    if columns is None:
        read, faults = (_read, detection_faults) if strict else (_read_officially, official_detection_faults)
        rows = EntryReader(path, place, read, faults, strict, warnings).all(detections)
        columns = tuple(np.array(rows, np.float64).reshape(-1, 2).T)
    time_s, score = columns
    clashes = len(time_s) - len(np.unique(np.trunc(FPS * time_s) % GROUNDING_FRAMES))
    if clashes and strict:
        raise InputError(path, f"{place}: {clashes} share half a second with another", "keep the surest of them")
    if clashes:
        warnings["detections of a replay in a frame that a later one takes over"] += clashes
    return time_s, score


def _read_clean(detections: list[Any]) -> tuple[NDArray[np.float64], ...] | None:
    """All detections at once, or None where any of them needs a closer look."""
    try:
        times = [entry["time"] for entry in detections]
        scores = [entry["score"] for entry in detections]
        time_s, score = np.array(list(map(float, times))), np.array(list(map(float, scores)))
    except (KeyError, OverflowError, TypeError, ValueError):
        return None
    clean = (
        ((time_s >= 0) & (FPS * time_s < GROUNDING_FRAMES)).all()
        and ((score >= 0) & (score <= 1)).all()
        and {type(time) for time in times} <= {int, float}
        and bool not in {type(score) for score in scores}
    )
    return (time_s, score) if clean else None


def _read_replay(entry: Any) -> tuple[int, int, int]:
    """Half, start and end as the official scorer reads them."""
    if entry["detection"] not in ("", {}) and not isinstance(entry["detection"], list):
        raise TypeError
    return int(entry["half"]), int(entry["start"]), int(entry["end"])


def _read(entry: Any) -> tuple[float, float]:
    return float(entry["time"]), float(entry["score"])


def _read_officially(entry: Any) -> tuple[float, float]:
    """A detection as the official scorer reads it: the time is doubled as it stands, text too."""
    frame = int(entry["time"] * FPS)
    if not -GROUNDING_FRAMES <= frame < GROUNDING_FRAMES:
        raise IndexError(frame)
    return frame / FPS, confidence_of(entry["score"])
