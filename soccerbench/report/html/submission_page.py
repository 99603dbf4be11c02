"""The report of anybody's submission: its score, its errors, its timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from soccerbench.metrics import LOOSE_S, TIGHT_S
from soccerbench.metrics.signature import TaskName
from soccerbench.report.html.page import REPETITIONS, Entry, Page
from soccerbench.report.html.replay_arcs import grounded_games
from soccerbench.report.html.run_page import scores_data
from soccerbench.report.html.timeline import spotted_split, times_that_fit
from soccerbench.report.tables.scores import evaluation_grid
from soccerbench.scoring.evaluate import evaluate
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import read_grounding_predictions
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions


def page_of_submission(*, task: TaskName, labels: Path, predictions: Path, split: str) -> Page:
    """Everything that the report shows about a submission, scored as the official scorer does.

    Args:
        task: "spotting" or "grounding".
        labels: folder or zip with the labels.
        predictions: folder or zip with the submission.
        split: "train", "valid", "test", "challenge" or "all".

    Raises:
        InputError: files that are missing or cannot be used.
        ValueError: an unknown split.
    """
    common: dict[str, Any] = {
        "task": task,
        "labels": labels,
        "predictions": predictions,
        "split": split,
        "protocol": "soccernet",
    }
    evaluations = {
        "loose": evaluate(deltas_s=LOOSE_S, repetitions=REPETITIONS, **common),
        "tight": evaluate(deltas_s=TIGHT_S, **common),
    }
    reports = {name: evaluation.report() for name, evaluation in evaluations.items()}
    games: dict[str, Any] = {}
    shown = scores_data([reports]) | _timelines(
        task, Tree(labels), Tree(predictions), list(evaluations["loose"].statistics), games
    )
    entry = {"name": predictions.name, "task": task, "splits": {split: shown}, "curves": []}
    facts = [(f"signature, {name}", report["signature"]) for name, report in reports.items()]
    facts += [("passed over", f"{count} {kind}") for kind, count in sorted(evaluations["loose"].warnings.items())]
    return Page(
        title=f"soccerbench: {predictions.name}",
        notes=[],
        grids=[
            replace(evaluation_grid(found), title=f"{task.capitalize()}, {name} tolerances, per cent")
            for name, found in evaluations.items()
        ],
        entries=[Entry(predictions.name, facts=facts)],
        data={"classes": CLASSES, "games": games, "entries": [entry]},
    )


def _timelines(
    task: TaskName, labels: Tree, predictions: Tree, names: Sequence[str], games: dict[str, Any]
) -> dict[str, Any]:
    if task == "grounding":
        arcs, counts = grounded_games(
            [read_replays(labels, game, strict=False) for game in names],
            [read_grounding_predictions(predictions, game, strict=False) for game in names],
        )
        return {"arcs": arcs, "grounded": counts}
    happened = [read_spotting_labels(labels, game, strict=False) for game in names]
    times = times_that_fit(sum(len(game.label) for game in happened))
    spotted = spotted_split(
        happened, [read_spotting_predictions(predictions, game, strict=False) for game in names], times=times
    )
    games["all"] = spotted.games
    shown = {"detected": spotted.detected, "breakdown": spotted.breakdown, "omitted": spotted.omitted, "times": times}
    return {"games": "all", **shown}
