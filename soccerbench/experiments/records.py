"""Records: what a row measured over seeds, small enough to commit, with the band that later runs must stay in.

Conventions
    record   `<dataset>/<table>/row-NN.json` below `results/`, made from runs and never by hand
    measure  a number of one run: scores as fractions, detections a game, losses of the learning curve. Scores say
             whether a row still does what it did; detections and losses have little spread over seeds, so that they
             notice a change of post-processing or training too small to be told from luck in a score
    band     4 · √2 · standard deviation over seeds: four standard errors of the difference between two runs that
             differ in nothing but luck; for the mean of m seeds it is divided by √m
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.experiments.results import Run, read_needing
from soccerbench.files import write_json
from soccerbench.scoring.compare import OVERALL

ERRORS_IN_A_BAND = 4
_ABOUT_BAND = f"{ERRORS_IN_A_BAND} * sqrt(2) * standard_deviation, for one seed; divided by sqrt(m) for the mean of m"
_KEPT = ("table", "row", "dataset", "simulated", "spec", "digest", "data_fingerprint", "code", "versions", "device",
         "threads")  # fmt: skip
_NEEDED = {*_KEPT, "seeds", "measures", "seconds"}
_REMEDY = "make it again with `soccerbench check RUNS --update`"


def record_file(results: Path, key: tuple[str, str, int]) -> Path:
    """Where the record of (dataset, table, row) lies; `results` may be that table's own folder, too."""
    dataset, table, row = key
    own = results.resolve().parts[-2:] == (dataset, table)
    return (results if own else results / dataset / table) / f"row-{row:02d}.json"


def measures(run: Run) -> dict[str, float]:
    """Every number of a run that a record keeps, by name."""
    found: dict[str, float] = {}
    for split, scores in run.result["scores"].items():
        if scores is None:
            continue
        for tolerances, report in scores.items():
            found[f"{split} {tolerances}"] = report[OVERALL[report["task"]]]
        games = run.result["games"][split]["loose"].values()
        counts = [sum(game["count"]) if "count" in game else len(game["level"]) for game in games]
        found[f"{split} detections a game"] = statistics.fmean(counts)
    if run.history:
        losses = [epoch["valid_loss"] for epoch in run.history if epoch["valid_loss"] is not None]
        found["train loss, first epoch"] = run.history[0]["train_loss"] or 0.0
        found["train loss, last epoch"] = run.history[-1]["train_loss"] or 0.0
        if losses:
            found["valid loss, best epoch"] = min(losses)
    return found


def summary(values: Sequence[float]) -> dict[str, Any]:
    """A measure over seeds; spread and band are None for a single one."""
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {
        "values": list(values),
        "mean": statistics.fmean(values),
        "standard_deviation": spread,
        "n": len(values),
        "band": None if spread is None else ERRORS_IN_A_BAND * math.sqrt(2) * spread,
    }


def make_record(runs: Sequence[Run]) -> dict[str, Any]:
    """The record of one row.

    Args:
        runs: one a seed, of one spec, data and code.

    Raises:
        InputError: a single seed, which shows no spread.
    """
    if len(runs) < 2:
        raise InputError(
            runs[0].folder, "one seed shows no spread, so no band follows", "run more, such as --seeds 0-4"
        )
    by_run = [measures(run) for run in runs]
    names = [name for name in by_run[0] if all(name in found for found in by_run)]
    return {
        **{key: runs[0].result.get(key) for key in _KEPT},
        "spec": {key: value for key, value in runs[0].result["spec"].items() if key != "published"},
        "seeds": [run.result["seed"] for run in runs],
        "band": _ABOUT_BAND,
        "measures": {name: summary([found[name] for found in by_run]) for name in names},
        "seconds": summary([run.result["seconds"] for run in runs]),
    }


def read_record(file: Path) -> dict[str, Any] | None:
    """A record; None if there is none.

    Raises:
        InputError: no JSON, or no record.
    """
    return read_needing(file, _NEEDED, what="record", remedy=_REMEDY) if file.exists() else None


def write_records(results: Path, rows: Iterable[Sequence[Run]]) -> list[Path]:
    """Write the record of each row, all of them made before the first is written; the files.

    Raises:
        InputError: as `make_record`, or a full disk.
    """
    made = {record_file(results, runs[0].key): make_record(runs) for runs in rows}
    for file, record in made.items():
        write_json(file, record)
    return list(made)
