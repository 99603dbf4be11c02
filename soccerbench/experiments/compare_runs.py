"""Compare two rows, or two runs of one row, over games and seeds.

Conventions
    seeds       the score of a row is the mean over its seeds; those of the two rows are not paired, and may differ
    statistics  come from `result.json`, so neither labels nor predictions are needed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.errors import InputError
from soccerbench.experiments.results import Run, runs_of_one_row
from soccerbench.metrics.resampling import check_repetitions, compare, compare_seeds
from soccerbench.metrics.tolerances import NAMED_S
from soccerbench.progress import Progress, silent
from soccerbench.scoring.compare import comparison_report, short_names
from soccerbench.scoring.schema import ComparisonReport
from soccerbench.scoring.tasks import TASKS


def compare_runs(
    *,
    a: Path,
    b: Path,
    split: str,
    tolerances: str,
    repetitions: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> ComparisonReport:
    """Compare the runs of two rows on the games of a split.

    Args:
        repetitions: resamples of games and seeds, or (one seed each) resamples and exchanges of games.

    Returns:
        The object that `compare --json` prints, with the `seeds` of both.

    Raises:
        InputError: a folder without runs or with those of several rows, one seed of one row and several of the other, a
            split that was not scored, or different games.
        ValueError: tolerances other than "loose" and "tight".
    """
    if tolerances not in NAMED_S:
        raise ValueError(f"--tolerances {tolerances!r}: runs have counts for loose and tight only")
    check_repetitions(repetitions)
    sides = [{run.result.seed: run for run in runs_of_one_row(folder)} for folder in (a, b)]
    games = {tuple(_counted(run, split, tolerances)) for side in sides for run in side.values()}
    if len(games) > 1:
        raise InputError(b, f"was scored on other games than {a}", "compare runs on the same data")
    for folder, (side, other) in ((a, sides), (b, sides[::-1])):
        if len(side) == 1 < len(other):
            problem = f"has one seed, and the other row {len(other)}: one seed shows no spread"
            raise InputError(
                folder, problem, "run more --seeds, or give one seed's folder of the other, as in …/seed-0"
            )
    statistics: Any = [[run.statistics(split, tolerances) for run in side.values()] for side in sides]
    options: Any = {"repetitions": repetitions, "rng": np.random.default_rng(seed), "progress": progress}
    several = len(sides[0]) > 1
    compared = (
        compare_seeds(*statistics, **options) if several else compare(*(side[0] for side in statistics), **options)
    )
    reports = [[(run.result.scores[split] or {})[tolerances].to_json() for run in side.values()] for side in sides]
    first = reports[0][0]
    overall = TASKS[first["task"]].overall
    means = [float(np.mean([report[overall] for report in side])) for side in reports]
    head = {key: first[key] for key in ("task", "protocol", "signature")}
    head |= {"names": short_names(a, b), "seeds": [sorted(side) for side in sides], "a": means[0], "b": means[1]}
    return comparison_report(head, compared, overall, list(first.get("per_class", ())))


def _counted(run: Run, split: str, tolerances: str) -> list[str]:
    """The games that a run was scored on."""
    if not run.result.scores.get(split):
        problem = f"has no score on split {split!r}"
        raise InputError(run.folder, problem, "choose a --split that the row was not trained on")
    return list(run.result.games[split][tolerances])
