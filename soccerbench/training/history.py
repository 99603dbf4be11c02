"""`history.csv`: the learning curve of one training, one line an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soccerbench.errors import InputError
from soccerbench.files import write_bytes
from soccerbench.specs.base import Frozen

HISTORY = "history.csv"


class Epoch(Frozen):
    """The mean losses of one epoch; no validation loss without validation games."""

    epoch: int
    learning_rate: float
    train_loss: float
    valid_loss: float | None


def write_history(folder: Path, history: Iterable[Mapping[str, Any]]) -> None:
    """Write the epochs, as plain values, as `history.csv`.

    Raises:
        InputError: a full disk.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Epoch.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(folder / HISTORY, text.getvalue().encode())


def read_history(file: Path) -> tuple[Epoch, ...]:
    """A `history.csv`; empty if there is none, as for a row that is not trained.

    Raises:
        InputError: another table, or a cell that is not a number.
    """
    if not file.exists():
        return ()
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            lines = [{key: cell or None for key, cell in line.items()} for line in csv.DictReader(stream)]
        return tuple(map(Epoch.model_validate, lines))
    except (csv.Error, TypeError, ValidationError, UnicodeDecodeError, OSError) as error:
        problem = f"is not a learning curve ({str(error).splitlines()[0]})"
        raise InputError(file, problem, "run its row again with --force") from None
