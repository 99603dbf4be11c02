"""Finished runs as they lie on disk: `result.json`, the learning curve beside it, and where to find them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from soccerbench.errors import InputError

RESULT = "result.json"
HISTORY = "history.csv"
REMEDY = "run its row again with --force"
_NEEDED = {"table", "row", "seed", "dataset", "spec", "scores", "games", "digest", "data_fingerprint", "code"}


@dataclass(frozen=True)
class Run:
    """One finished run.

    Args:
        folder: where it lies.
        result: the content of `result.json`.
        history: one line an epoch; empty for a head that is not trained.
    """

    folder: Path
    result: dict[str, Any]
    history: list[dict[str, float | None]]

    @property
    def key(self) -> tuple[str, str, int]:
        """Dataset, table and row: what runs of several seeds share."""
        return self.result["dataset"], self.result["table"], self.result["row"]


def read_result(file: Path) -> dict[str, Any]:
    """A `result.json`.

    Raises:
        InputError: no JSON, or not a result.
    """
    return read_needing(file, _NEEDED, what="result", remedy=REMEDY)


def read_needing(file: Path, needed: Set[str], *, what: str, remedy: str) -> dict[str, Any]:
    """A JSON object that has certain keys.

    Raises:
        InputError: no JSON, or a key is missing; says that it is no `what`, and the remedy.
    """
    try:
        content = orjson.loads(file.read_bytes())
        missing = needed - set(content)
    except (orjson.JSONDecodeError, OSError, TypeError) as error:
        raise InputError(file, f"is no {what} ({error})", remedy) from None
    if missing:
        raise InputError(file, f"lacks {', '.join(sorted(missing))}", remedy)
    return dict(content)


def read_history(file: Path) -> list[dict[str, float | None]]:
    """A `history.csv`, one dict an epoch; an empty cell, such as a loss without validation games, is None.

    Raises:
        InputError: a cell that is no number.
    """
    if not file.exists():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            return [
                {key: float(cell) if cell else None for key, cell in line.items()} for line in csv.DictReader(stream)
            ]
    except (TypeError, ValueError, OSError) as error:
        raise InputError(file, f"is no learning curve ({error})", REMEDY) from None


def read_runs(folder: Path) -> list[Run]:
    """Every finished run at or below a folder, by dataset, table, row and seed.

    Raises:
        InputError: there is none, or one that cannot be read.
    """
    files = [file for file in folder.rglob(RESULT) if re.fullmatch(r"seed-\d+", file.parent.name)]
    if not files:
        raise InputError(folder, "holds no finished run", "give the --out folder of `soccerbench reproduce`")
    runs = [Run(file.parent, read_result(file), read_history(file.with_name(HISTORY))) for file in files]
    return sorted(runs, key=lambda run: (*run.key, run.result["seed"]))


def by_row(runs: Iterable[Run]) -> dict[tuple[str, str, int], list[Run]]:
    """Runs grouped by dataset, table and row.

    Raises:
        InputError: two of a row that differ in spec, data or code, so that they are no seeds of one another, or that
            are the same seed.
    """
    rows: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs:
        rows.setdefault(run.key, []).append(run)
    for members in rows.values():
        first = members[0]
        for other in members[1:]:
            changed = [key for key in ("digest", "data_fingerprint", "code") if other.result[key] != first.result[key]]
            if changed:
                problem = f"differs from {first.folder.name} in {' and '.join(changed)}"
                raise InputError(other.folder / RESULT, problem, REMEDY)
            if other.result["seed"] == first.result["seed"]:
                raise InputError(other.folder / RESULT, f"is another run of that row as {first.folder}", "keep one")
    return rows
