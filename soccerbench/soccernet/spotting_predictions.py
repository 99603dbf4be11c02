"""Spotting predictions: one game's `results_spotting.json`, read into arrays and written in the official form.

Source: SoccerNet-v2's submission format and SoccerNet 0.2.0, Evaluation/ActionSpotting.py, for what is read from it.

Conventions
    numbers     text or numbers when read, text when written; a confidence is written so that it reads back the same
    order       as in the file: of two predictions of one class in one frame the last counts
    strict      also refuses confidences outside [0, 1] and two predictions of one class in one frame
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from soccerbench.errors import InputError
from soccerbench.events import SPOTTING_FRAMES, Bools, Events, Floats, Ints, frames_of
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES, SOCCERNET_V2, ClassList
from soccerbench.soccernet.columns import TypedEntries, before_vectors
from soccerbench.soccernet.row_file import RowFile
from soccerbench.soccernet.rows import Table

SPOTTING_RESULTS = "results_spotting.json"


class PredictionColumns(NamedTuple):
    """The columns of a list of predictions, (N,) each; `kept` are those that the official scorer does not skip."""

    half: Ints
    label: Ints
    position_ms: Ints
    confidence: Floats
    kept: Bools


def read_spotting_predictions(tree: Tree, game: str, *, strict: bool, classes: ClassList = SOCCERNET_V2) -> Events:
    """Read the predictions of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse whatever the official scorer would silently skip or change. Otherwise what it would
            use is given, with a count.
        classes: those predicted.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    file = RowFile.read_typed(tree, f"{game}/{SPOTTING_RESULTS}", "predictions", strict=strict, labels=classes.names)
    table, columns = prediction_table(file.entries, classes)
    file.check(table)
    file.check_repeated_keys(nested=False)
    half, label, position_ms, confidence, kept = columns
    if not kept.all():
        half, label, position_ms, confidence = half[kept], label[kept], position_ms[kept], confidence[kept]
    predictions = Events(half, label, position_ms, confidence=confidence, game=game, warnings=file.warnings)
    _check_clashes(predictions, file, classes.names)
    return predictions


def prediction_table(entries: Sequence[Any] | TypedEntries, classes: ClassList) -> tuple[Table, PredictionColumns]:
    """A list of predictions: its faults and its columns."""
    table = Table(entries, "an event")
    label = table.labels(classes.index, classes.shown)
    table.refused |= (label < 0) & (classes.version == 1)  # the official scorer fails on them
    position_ms, given = table.positions()
    half = table.halves()
    table.refused |= ~given
    confidence, unreadable, missing = table.confidences()
    known = label >= 0
    kept = known & (half >= 1) & (half <= 2)
    table.refused |= (known & missing) | (kept & (unreadable | before_vectors(position_ms)))
    return table, PredictionColumns(half, label, position_ms, confidence, kept)


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


def _check_clashes(predictions: Events, file: RowFile, classes: Sequence[str]) -> None:
    """Refuse or count predictions of one class, half and frame; the official scorer takes the last."""
    frame = frames_of(predictions.position_ms, "soccernet")
    place = (predictions.half * len(classes) + predictions.label) * SPOTTING_FRAMES + frame
    clashes = int(np.count_nonzero(np.diff(np.sort(place)) == 0))
    if clashes and file.strict:
        _, first = np.unique(place, return_index=True)
        row = int(np.setdiff1d(np.arange(len(place)), first)[0])
        event, position_ms = classes[predictions.label[row]], predictions.position_ms[row]
        raise InputError(
            file.path,
            f"predictions, entry {row + 1}: a second {event!r} within half a second at {position_ms}",
            "keep the more confident of the two",
        )
    if clashes:
        file.warnings["predictions of a class in a frame that a later one takes over"] += clashes
