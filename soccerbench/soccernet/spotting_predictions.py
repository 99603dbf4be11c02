"""Spotting predictions: one game's `results_spotting.json`, read into arrays and written in the official form.

Source: SoccerNet-v2's submission format and SoccerNet 0.2.0, Evaluation/ActionSpotting.py, for what is read from it.

Conventions
    numbers     text or numbers when read, text when written; a confidence is written so that it reads back the same
    order       as in the file: of two predictions of one class in one frame the last counts
    strict      also refuses confidences outside [0, 1] and two predictions of one class in one frame
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.events import SPOTTING_FRAMES, Events, frames_of
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.columns import Columns, numbers, read_columns
from soccerbench.soccernet.json_rows import (
    LIMIT_MS,
    Fault,
    check_frame,
    confidence_faults,
    confidence_of,
    event_faults,
    half_faults,
    position_faults,
    position_ms,
    shown,
)

SPOTTING_RESULTS = "results_spotting.json"
_FIELDS = tuple(map(itemgetter, ("label", "position", "half", "confidence")))


def read_spotting_predictions(tree: Tree, game: str, *, strict: bool) -> Events:
    """Read the predictions of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse whatever the official scorer would pass over or bend in silence. Otherwise what it would use is
            given, with a count.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    name = f"{game}/{SPOTTING_RESULTS}"
    (half, label, position, confidence), warnings = read_columns(
        tree,
        name,
        "predictions",
        clean=_read_clean,
        read=_read,
        faults=prediction_faults,
        last=np.float64,
        strict=strict,
    )
    predictions = Events(half, label, position, confidence=confidence, game=game, warnings=warnings)
    _look_for_clashes(predictions, tree.path / name, strict=strict)
    return predictions


def prediction_faults(entry: Any) -> list[Fault]:
    """All that a strict reader minds in one prediction."""
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object an event")]
    return [*event_faults(entry), *position_faults(entry), *half_faults(entry), *confidence_faults(entry)]


def cells(predictions: Events) -> NDArray[np.int64]:
    """(N,) the place of each prediction in the official scorer's vectors: one number a half, class and frame."""
    frame = frames_of(predictions.position_ms, "soccernet")
    place: NDArray[np.int64] = (predictions.half * len(CLASSES) + predictions.label) * SPOTTING_FRAMES + frame
    return place


def spotting_bytes(predictions: Events) -> bytes:
    """One game's predictions as an official `results_spotting.json`: everything text, positions in milliseconds."""
    rows = zip(
        predictions.half.tolist(),
        predictions.label.tolist(),
        predictions.position_ms.tolist(),
        predictions.confidences.tolist(),
        strict=True,
    )
    entries = [
        {
            "gameTime": f"{half} - {position // 60000:02d}:{position // 1000 % 60:02d}",
            "label": CLASSES[label],
            "position": str(position),
            "half": str(half),
            "confidence": repr(confidence),
        }
        for half, label, position, confidence in rows
    ]
    return orjson.dumps({"UrlLocal": predictions.game, "predictions": entries}, option=orjson.OPT_INDENT_2) + b"\n"


def write_spotting_predictions(path: Path, games: Iterable[Events]) -> None:
    """Write a zip in the official layout, one `results_spotting.json` a game."""
    write_zip(path, ((f"{game.game}/{SPOTTING_RESULTS}", spotting_bytes(game)) for game in games))


def _look_for_clashes(predictions: Events, path: Path, *, strict: bool) -> None:
    taken = cells(predictions)
    clashes = int(np.count_nonzero(np.diff(np.sort(taken)) == 0))
    if not clashes:
        return
    if strict:
        _, first = np.unique(taken, return_index=True)
        row = int(np.setdiff1d(np.arange(len(taken)), first)[0])
        event = CLASSES[predictions.label[row]]
        raise InputError(
            path,
            f"predictions, entry {row + 1}: a second {event!r} within half a second at {predictions.position_ms[row]}",
            "keep the surer of the two",
        )
    predictions.warnings["predictions of a class in a frame that a later one takes over"] += clashes


def _read_clean(entries: list[Any]) -> Columns | None:
    """All entries at once, or None where any of them needs a closer look."""
    events, positions, halves, confidences = (list(map(field, entries)) for field in _FIELDS)
    label = np.fromiter(map(CLASS_INDEX.__getitem__, events), np.int64, len(entries))
    position, half = numbers(positions, np.int64), numbers(halves, np.int64)
    confidence = numbers(confidences, np.float64)
    clean = (
        ((position >= 0) & (position <= LIMIT_MS)).all()
        and ((half == 1) | (half == 2)).all()
        and ((confidence >= 0) & (confidence <= 1)).all()
    )
    return (half, label, position, confidence) if clean else None


def _read(entry: Any) -> tuple[int, int, int, float] | None:
    """One entry as the official scorer reads it; None where that skips it."""
    position, event, half = position_ms(entry["position"]), entry["label"], int(entry["half"])
    if event not in CLASS_INDEX:
        return None
    confidence = entry["confidence"]
    if half not in (1, 2):
        return None
    check_frame(position)
    return half, CLASS_INDEX[event], position, confidence_of(confidence)
