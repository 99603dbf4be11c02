"""The report of a submission: its score, its errors, its timelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soccerbench.metrics import LOOSE_S, TIGHT_S
from soccerbench.metrics.signature import TaskName
from soccerbench.report.html.pictures import by_tolerance, of_entry, scores_data
from soccerbench.report.html.render import Entry, Page
from soccerbench.report.html.timeline import timelines, times_that_fit
from soccerbench.report.tables.scores import REPETITIONS, evaluation_table
from soccerbench.scoring.evaluate import evaluate_games
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.open_games import open_games
from soccerbench.soccernet.replays import read_replays


def page_of_submission(*, task: TaskName, labels: Path, predictions: Path, split: str) -> Page:
    """Everything that the report shows about a submission, scored as the official scorer does."""
    kind = TASKS[task]
    opened = open_games(
        labels, predictions, split, label_kind=kind.labels, prediction_kind=kind.predictions, strict=False
    )
    ignored, split = opened.warnings, opened.split
    known = kind.class_list(opened.labels, opened.games)
    truth = kind.read_labels(opened.labels, opened.games, strict=False, classes=known)
    found = kind.read_predictions(opened.predictions, opened.games, strict=False, classes=known)
    common: dict[str, Any] = {"labels": truth, "predictions": found, "split": split, "protocol": "soccernet"}
    common["known"] = known
    evaluations = {
        "loose": evaluate_games(task, deltas_s=LOOSE_S, repetitions=REPETITIONS, **common),
        "tight": evaluate_games(task, deltas_s=TIGHT_S, **common),
    }
    ignored += evaluations["loose"].warnings
    reports = {name: evaluation.report() for name, evaluation in evaluations.items()}
    games: dict[str, Any] = {}
    if task == "grounding":
        truth = [read_replays(opened.labels, game, strict=False) for game in opened.games]
    scores = {split: scores_data([reports])}
    times = 0 if task == "grounding" else times_that_fit(sum(map(len, truth)))
    drawn = timelines(task, truth, found, games, name="all", times=times, classes=len(known.names))
    shown = {"name": predictions.name, "splits": {split: drawn}}
    facts = [(f"signature, {name}", report["signature"]) for name, report in reports.items()]
    facts += [("ignored", f"{what} ({count})") for what, count in sorted(ignored.items())]
    return Page(
        title=f"soccerbench: {predictions.name}",
        notes=[],
        tables=[evaluation_table(evaluation) for evaluation in evaluations.values()],
        entries=[Entry(predictions.name, facts=facts, pictures=list(of_entry(scores, [], metric=kind.metric)))],
        data={"classes": known.names, "games": games, "entries": [shown]},
        pictures=list(by_tolerance("Submission", {"submission": scores}, metric=kind.metric)),
    )
