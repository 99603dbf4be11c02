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

import orjson

from soccerbench.events import Events
from soccerbench.files import write_zip
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES, SOCCERNET_V2, ClassList
from soccerbench.soccernet.columns import before_vectors
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.lists.event_files import Entries, EventColumns, EventFiles
from soccerbench.soccernet.rows import Table

SPOTTING_RESULTS = "results_spotting.json"
SPOTTING_RESULT_FILES = FileKind((SPOTTING_RESULTS,), "predictions")


def read_spotting_predictions(tree: Tree, game: str, *, strict: bool, classes: ClassList = SOCCERNET_V2) -> Events:
    """Read the predictions of one game; see `read_predictions_of`."""
    return read_predictions_of(tree, [game], strict=strict, classes=classes)[0]


def read_predictions_of(
    tree: Tree, games: Sequence[str], *, strict: bool, classes: ClassList = SOCCERNET_V2
) -> list[Events]:
    """Read the predictions of some games.

    Args:
        tree: a folder or zip in the official layout.
        games: each "league/season/game".
        strict: refuse whatever the official scorer would silently skip or change. Otherwise what it would
            use is given, with a count.
        classes: those predicted.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    files = EventFiles(tree, "predictions", strict, classes, prediction_table)
    return files.read({game: f"{game}/{SPOTTING_RESULTS}" for game in games})


def prediction_table(entries: Entries, classes: ClassList) -> tuple[Table, EventColumns]:
    """A list of predictions: its faults and its columns."""
    table = Table(entries, "an event")
    label = table.labels(classes)
    table.refused |= (label < 0) & (classes.version == 1)  # the official scorer fails on them
    position_ms, given = table.positions()
    half = table.halves()
    table.refused |= ~given
    confidence, unreadable, missing = table.confidences()
    known = label >= 0
    kept = known & (half >= 1) & (half <= 2)
    table.refused |= (known & missing) | (kept & (unreadable | before_vectors(position_ms)))
    return table, EventColumns(half, label, position_ms, None, confidence, kept)


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
