"""The reports of finished runs and of a submission: tables, curves, errors and timelines.

Conventions
    scores     of runs: means over the seeds of a row
    timelines  and the error breakdown are those of the row's first seed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.experiments.results import Key, Run, by_row
from soccerbench.features.dataset import Dataset
from soccerbench.metrics.signature import TaskName
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S
from soccerbench.report.html.pictures import Scores, by_tolerance, of_entry, scores_data
from soccerbench.report.html.render import Entry, Page, Picture
from soccerbench.report.html.timeline import timelines, times_that_fit
from soccerbench.report.measured import Measured, measure_split, uncertainty_table
from soccerbench.report.table import Table
from soccerbench.report.tables.paper import SPLITS, tables_of_runs
from soccerbench.report.tables.scores import REPETITIONS, evaluation_table
from soccerbench.scoring.evaluate import evaluate_games
from soccerbench.scoring.tasks import TASKS, Task
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.open_games import open_games
from soccerbench.soccernet.replays import read_replays

Rows = Mapping[Key, Sequence[Run]]
_FACTS = {
    "digest": "digest of the spec", "data_fingerprint": "data fingerprint", "code": "hash of the code",
    "versions": "versions", "device": "device", "threads": "threads", "seconds": "seconds",
    "peak_memory_bytes": "peak memory in bytes",
}  # fmt: skip


def page_of_runs(runs: Sequence[Run], root: Dataset | None, *, figures: Sequence[Picture] = ()) -> Page:
    """Everything that the report shows about some runs; without the root of their labels no timelines, no errors."""
    rows = by_row(runs)
    tables: list[Table[Any]] = [*tables_of_runs(runs), uncertainty_table(_measured(rows))]
    labelled = {key: root if root is not None and root.name == key[0] else None for key in rows}
    notes = []
    if any(run.result.simulated for run in runs):
        notes.append("Simulated features: these numbers are not comparable with the paper's, which are not shown.")
    if None in labelled.values():
        notes.append("Rows without timelines: the labels of their dataset were not found (give --data).")
    splits = [(root, split) for key, root in labelled.items() if root for split in _scored(rows[key][0])]
    events = sum(len(game) for root, split in splits for game in root.labels(split).values())
    games: dict[str, Any] = {}
    shown = []
    for key, (first, *_) in rows.items():
        of_split = {
            split: _timelines(first, labelled[key], split, games, times_that_fit(events)) for split in _scored(first)
        }
        shown.append({"name": first.result.title, "splits": of_split})
    scores = {key: _scores(members) for key, members in rows.items()}
    entries = [_words(members, scores[key]) for key, members in rows.items()]
    data = {"classes": CLASSES, "games": games, "entries": shown}
    title = "soccerbench: " + ", ".join(dict.fromkeys(f"{table} on {dataset}" for dataset, table, _ in rows))
    return Page(title, notes, tables, entries, data, [*_curves(rows, scores), *figures])


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
    score: Any = partial(
        evaluate_games, task, labels=truth, predictions=found, split=split, protocol="soccernet", known=known
    )
    evaluations = {"loose": score(deltas_s=LOOSE_S, repetitions=REPETITIONS), "tight": score(deltas_s=TIGHT_S)}
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


def figures_below(folder: Path) -> list[Picture]:
    """Every figure of the paper that was drawn below a folder of runs."""
    return [
        Picture(f"Figure 3 in {file.parent.relative_to(folder)}: replays after their events", file.read_bytes())
        for file in sorted(folder.rglob("figure3.svg"))
    ]


def _curves(rows: Rows, scores: Mapping[Key, Scores]) -> Iterator[Picture]:
    """Scores by tolerance of all rows of each table."""
    for dataset, table in dict.fromkeys(key[:2] for key in rows):
        found = {key: scores[key] for key in rows if key[:2] == (dataset, table)}
        metric = _task(rows[next(iter(found))]).metric
        names = {f"row {key[2]}": value for key, value in found.items()}
        yield from by_tolerance(f"{table} on {dataset}", names, metric=metric)


def _scores(members: Sequence[Run]) -> Scores:
    return {split: scores_data([scores_of(run, split) for run in members]) for split in _scored(members[0])}


def _measured(rows: Rows) -> Iterator[Measured]:
    for members in rows.values():
        for split in _scored(members[0]):
            yield measure_split(members, split, "loose", [run.statistics(split, "loose") for run in members])


def _timelines(run: Run, root: Dataset | None, split: str, games: dict[str, Any], times: int) -> dict[str, Any]:
    """Those of one split of a row; the events of its games are put into `games` where they are not there yet."""
    if root is None:
        return {}
    names, task = list(run.result.games[split]["loose"]), str(run.result.spec["task"])
    if not set(names) <= set(root.games.get(split, [])):
        problem = f"lacks games that {run.folder} was scored on"
        raise InputError(root.path, problem, "give --data with the games of the runs")
    if task == "grounding":
        labels: list[Any] = [read_replays(root.tree, game, strict=False) for game in names]
    else:
        labels = list(map(root.labels(split).__getitem__, names))
    found = TASKS[task].read_predictions(Tree(run.folder / run.result.submissions[split]), names, strict=False)
    name = f"{run.result.dataset} {split}"
    return {"seed": run.result.seed, **timelines(task, labels, found, games, name=name, times=times)}


def scores_of(run: Run, split: str) -> dict[str, dict[str, Any]]:
    """Tolerances -> the object of `evaluate --json`, for a split that was scored."""
    return {name: score.to_json() for name, score in (run.result.scores[split] or {}).items()}


def _scored(run: Run) -> list[str]:
    return [split for split in SPLITS if run.result.scores.get(split)]


def _task(members: Sequence[Run]) -> Task:
    return TASKS[str(members[0].result.spec["task"])]


def _words(members: Sequence[Run], scores: Scores) -> Entry:
    """A row's spec and provenance as text, and its pictures."""
    first = members[0]
    spec: dict[str, Any] = first.result.spec
    reasons = spec["assumed"] | spec.get("left_open", {})
    hidden = {"assumed", "left_open", "published", "table", "row"}
    stated = [(key, _text(value)) for key, value in spec.items() if key not in hidden | set(reasons) and value]
    assumed = [(key, _text(spec.get(key, "")), why) for key, why in reasons.items()]
    facts = [("seeds", ", ".join(str(run.result.seed) for run in members))]
    for key, name in _FACTS.items():
        values = dict.fromkeys(_text(getattr(run.result, key)) for run in members)
        facts.append((name, "; ".join(values)))
    for split in _scored(first):
        facts += [(f"signature, {split}, {name}", one["signature"]) for name, one in scores_of(first, split).items()]
    pictures = list(of_entry(scores, members, metric=_task(members).metric))
    return Entry(first.result.title, stated, assumed, facts, pictures)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
