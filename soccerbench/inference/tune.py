"""`tune`: which post-processing suits a trained spotting run, tried on the validation games and recorded.

Conventions
    trial   steps and their scores on the validation split; the frame scores are computed once for all trials
    family  hard NMS, or soft-NMS with one decay; of each, several windows are tried, then the best window of each class
    best    the trial of the highest score with the chosen tolerances; of equal ones the first
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from pydantic import JsonValue

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import NARROW, threads_for
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import HALVES
from soccerbench.files import write_json
from soccerbench.inference.match import array_features
from soccerbench.inference.run import Run
from soccerbench.progress import Progress, silent
from soccerbench.scoring.evaluate import evaluate_loose_and_tight
from soccerbench.scoring.schema import Fraction, PerClass, Report
from soccerbench.specs.spotting import SpottingRow
from soccerbench.specs.spotting_steps import Decay, Nms, SoftNms, SpottingStep
from soccerbench.tasks.spotting_steps import detections

TUNING = "tuning.json"
HARD_S = (3.0, 5.0, 8.0, 12.0, 20.0, 30.0)
SOFT_S = (3.0, 5.0, 8.0, 12.0, 20.0)
Tolerances = Literal["loose", "tight"]


class Trial(Report):
    """Steps and their average-mAP on the validation split; `per_class` is with the chosen tolerances."""

    steps: list[dict[str, JsonValue]]
    loose: Fraction
    tight: Fraction
    per_class: PerClass


class Tuning(Report):
    """The content of `tuning.json`: every trial, in order, and the steps of the best one."""

    version: Literal[1] = 1
    run: str
    dataset: str
    simulated: bool
    split: Literal["valid"]
    games: int
    tolerances: Tolerances
    trials: list[Trial]
    best: list[dict[str, JsonValue]]


def tune(
    run: Run, root: Dataset, *, tolerances: Tolerances = "tight", split: str = "valid", progress: Progress = silent
) -> Tuning:
    """Try post-processing on the validation games; what comes before suppression in the row's steps stays."""
    if split != "valid":
        raise ValueError(f"--split {split}: post-processing is tuned on valid alone; {split} is for the final score")
    row = run.row
    if not isinstance(row, SpottingRow):
        raise ValueError(f"{run.title} grounds replays; tune the run of a spotting row")
    if "valid" in row.trainings[0].learns:
        raise InputError(run.path, "its head learned from the validation games", "tune the same row in regular mode")
    games = root.games["valid"]
    if not games:
        raise InputError(root.path, "valid: no games to tune on", "give a dataset with validation games")
    scores = _scores(run, root, games, progress)
    labels = list(root.labels("valid").values())
    kept: list[SpottingStep] = [step for step in row.steps if not isinstance(step, (Nms, SoftNms))]
    trials: list[Trial] = []
    total = len(HARD_S) + len(get_args(Decay)) * len(SOFT_S) + 1 + len(get_args(Decay))

    def tried(last: SpottingStep) -> Trial:
        steps = (*kept, last)
        found = [detections(scores[game], steps, game=game) for game in games]
        scored = evaluate_loose_and_tight("spotting", labels=labels, predictions=found, split="valid")
        reports = {name: evaluation.report() for name, evaluation in scored.items()}
        trials.append(
            Trial(
                steps=[step.model_dump(mode="json") for step in steps],
                loose=reports["loose"]["average_map"],
                tight=reports["tight"]["average_map"],
                per_class=reports[tolerances]["per_class"],
            )
        )
        progress("trials", len(trials), total)
        return trials[-1]

    for family, windows in _families():
        found = [tried(family(window_s=window)) for window in windows]
        tried(family(window_s=_best_windows(found, windows)))
    best = max(trials, key=lambda trial: getattr(trial, tolerances) or 0.0)
    return Tuning(
        version=1, run=run.title, dataset=root.name, simulated=root.is_simulated, split="valid", games=len(games),
        tolerances=tolerances, trials=trials, best=best.steps,
    )  # fmt: skip


def write_tuning(folder: Path, tuning: Tuning) -> Path:
    """Write `tuning.json` into the folder of a run; its path."""
    write_json(folder / TUNING, tuning.to_json())
    return folder / TUNING


def _families() -> Iterator[tuple[Any, Sequence[float]]]:
    """What makes a step of a window, and the windows."""
    yield partial(Nms, step="nms"), HARD_S
    for decay in get_args(Decay):
        yield partial(SoftNms, step="soft-nms", decay=decay), SOFT_S


def _best_windows(trials: Sequence[Trial], windows: Sequence[float]) -> tuple[float, ...]:
    """The window of each class whose trial scores most in it; of equal ones, as without events, the narrowest."""
    scores = np.array([[value or 0.0 for value in trial.per_class.values()] for trial in trials])  # (trials, classes)
    return tuple(windows[place] for place in scores.argmax(axis=0).tolist())


def _scores(run: Run, root: Dataset, games: Sequence[str], progress: Progress) -> Mapping[str, dict[int, Any]]:
    """Game -> half -> the scores at every frame."""
    store, found = root.store(run.row.blocks), {}
    with threads_for(run.width < NARROW):
        for number, game in enumerate(games, start=1):
            halves = {half: store.take(game, half, np.arange(store.length(game, half))) for half in HALVES}
            found[game] = run.scores(array_features(halves, fps=store.fps, width=run.width, rate=run.fps))
            progress("valid games", number, len(games))
    return found
