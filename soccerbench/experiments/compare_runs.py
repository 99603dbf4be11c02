"""Compare two rows, or two runs of one row, game by game and seed by seed.

Conventions
    shared      only seeds that both have are compared, each with itself; a score is the mean over them
    statistics  come from `result.json`, so neither labels nor predictions are needed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.errors import InputError
from soccerbench.experiments.results import Run, by_row, read_runs
from soccerbench.metrics import NAMED_S, compare_means
from soccerbench.scoring.compare import comparison_report
from soccerbench.scoring.schema import ComparisonReport
from soccerbench.scoring.tasks import TASKS


def compare_runs(
    *, a: Path, b: Path, split: str, tolerances: str, repetitions: int = 1000, seed: int = 0
) -> ComparisonReport:
    """Compare the runs of two rows on the games of a split.

    Args:
        a: folder of the first row's runs, one a seed.
        b: folder of the second's.
        split: that both were scored on.
        tolerances: "loose" or "tight".
        repetitions: resamples and exchanges of the games.
        seed: of these draws.

    Returns:
        The object that `compare --json` prints, with the `seeds` that were compared.

    Raises:
        InputError: a folder without runs or with those of several rows, no shared seed, a split that was not scored, or
            different games.
        ValueError: other tolerances.
    """
    if tolerances not in NAMED_S:
        raise ValueError(f"--tolerances {tolerances!r}: runs have counts for loose and tight only")
    sides = [_runs_of_one_row(folder) for folder in (a, b)]
    seeds = sorted(set(sides[0]) & set(sides[1]))
    if not seeds:
        raise InputError(b, f"has no seed that {a} has", "run both rows with the same --seeds")
    pairs = [[runs[number] for number in seeds] for runs in sides]
    games = {tuple(_counted(run, split, tolerances)) for runs in pairs for run in runs}
    if len(games) > 1:
        raise InputError(b, f"was scored on other games than {a}", "compare runs on the same data")
    reports = [[(run.result.scores[split] or {})[tolerances].to_json() for run in runs] for runs in pairs]
    first = reports[0][0]
    statistics: Any = [[run.statistics(split, tolerances) for run in runs] for runs in pairs]
    compared = compare_means(*statistics, repetitions=repetitions, rng=np.random.default_rng(seed))
    overall = TASKS[first["task"]].overall
    means = [float(np.mean([report[overall] for report in side])) for side in reports]
    head = {key: first[key] for key in ("task", "protocol", "signature")} | {
        "seeds": seeds,
        "a": means[0],
        "b": means[1],
    }
    return comparison_report(head, compared, overall, list(first.get("per_class", ())))


def _runs_of_one_row(folder: Path) -> dict[int, Run]:
    """The runs below a folder, by seed."""
    rows = by_row(read_runs(folder))
    if len(rows) > 1:
        raise InputError(folder, f"holds runs of {len(rows)} rows", "give the folder of one, such as …/table2/row-08")
    return {run.result.seed: run for runs in rows.values() for run in runs}


def _counted(run: Run, split: str, tolerances: str) -> list[str]:
    """The games that a run was scored on."""
    if not run.result.scores.get(split):
        problem = f"has no score on split {split!r}"
        raise InputError(run.folder, problem, "choose a --split that the row was not trained on")
    return list(run.result.games[split][tolerances])
