"""The report of finished runs: tables, curves, errors and timelines of every row.

Conventions
    scores     means over the seeds of a row
    timelines  and the error breakdown are those of the row's first seed
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.errors import InputError
from soccerbench.experiments.results import Run, by_row
from soccerbench.features.dataset import Dataset
from soccerbench.metrics import mean_and_deviation
from soccerbench.report.html.page import Entry, Page
from soccerbench.report.html.replay_arcs import grounded_games
from soccerbench.report.html.timeline import spotted_split, times_that_fit
from soccerbench.report.table import Table
from soccerbench.report.tables.paper import SPLITS, tables_of_runs
from soccerbench.report.tables.scores import SeedScores, interval_over_games, uncertainty_table
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import read_grounding_predictions
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions

Rows = Mapping[tuple[str, str, int], Sequence[Run]]
_KINDS = ("per_class", "per_class_visible", "per_class_unshown")
_FACTS = {
    "digest": "digest of the spec", "data_fingerprint": "data fingerprint", "code": "hash of the code",
    "versions": "versions", "device": "device", "threads": "threads", "seconds": "seconds",
    "peak_memory_bytes": "peak memory in bytes",
}  # fmt: skip


def page_of_runs(runs: Sequence[Run], root: Dataset | None, *, figures: Sequence[tuple[str, str]] = ()) -> Page:
    """Everything that the report shows about some runs.

    Args:
        runs: of any tables and seeds.
        root: where the labels of their dataset are; without one there are no timelines and no error breakdown.
        figures: captions and pictures, as `figures_below` gives them.

    Raises:
        InputError: runs that are no seeds of one another, or predictions or labels that cannot be read.
    """
    rows = by_row(runs)
    tables: list[Table[Any]] = [*tables_of_runs(runs), uncertainty_table(_seed_scores(rows))]
    drawn = {key: root is not None and root.name == key[0] for key in rows}
    notes = []
    if any(run.result.simulated for run in runs):
        notes.append("Simulated features: these numbers say nothing about the paper's, so none of those is shown.")
    if not all(drawn.values()):
        notes.append("Rows without timelines: the labels of their dataset were not at hand (give --data).")
    events = sum(_events(root, split) for key in rows if root and drawn[key] for split in _scored(rows[key][0]))
    games: dict[str, Any] = {}
    entries = []
    for key, members in rows.items():
        labelled = root if drawn[key] else None
        entries.append(_entry(members, labelled, games, times=times_that_fit(events)))
    data = {"classes": CLASSES, "games": games, "entries": entries}
    return Page(_title(rows), notes, tables, [_words(members) for members in rows.values()], data, figures)


def figures_below(folder: Path) -> list[tuple[str, str]]:
    """Caption and data address of every figure that was drawn below a folder of runs."""
    return [
        (
            f"Figure 3 in {file.parent.relative_to(folder)}",
            f"data:image/svg+xml;base64,{base64.b64encode(file.read_bytes()).decode()}",
        )
        for file in sorted(folder.rglob("figure3.svg"))
    ]


def _title(rows: Rows) -> str:
    return "soccerbench: " + ", ".join(dict.fromkeys(f"{table} on {dataset}" for dataset, table, _ in rows))


def _seed_scores(rows: Rows) -> Iterator[SeedScores]:
    for members in rows.values():
        for split in _scored(members[0]):
            task = TASKS[str(members[0].result.spec["task"])]
            scores = [scores_of(run, split)["loose"][task.overall] for run in members]
            statistics = [run.statistics(split, "loose") for run in members]
            yield SeedScores(
                row=_name(members[0]),
                split=split,
                metric=task.metric,
                scores=scores,
                deviation=mean_and_deviation(scores)[1],
                interval=interval_over_games(statistics, overall=task.overall, rng=np.random.default_rng(0)),
                games=len(statistics[0]),
            )


def _entry(members: Sequence[Run], root: Dataset | None, games: dict[str, Any], *, times: int) -> dict[str, Any]:
    """The data of one row; the events of its games are put into `games` where they are not there yet."""
    first = members[0]
    splits: dict[str, Any] = {}
    for split in _scored(first):
        scores = [scores_of(run, split) for run in members]
        splits[split] = scores_data(scores)
        if root is not None:
            splits[split] |= _timelines(first, root, split, games, times=times)
    curves = [
        {"name": f"seed {run.result.seed}", "epochs": [epoch.model_dump() for epoch in run.history]}
        for run in members
        if run.history
    ]
    return {"name": _name(first), "task": first.result.spec["task"], "splits": splits, "curves": curves}


def scores_data(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of one split, the mean over seeds: by tolerance, tight before loose, and by class.

    Args:
        scores: one a seed: tolerances ("loose", "tight" or others) -> the object of `evaluate --json`.
    """
    measure = "map_per_tolerance" if "map_per_tolerance" in next(iter(scores[0].values())) else "ap_per_tolerance"
    points: dict[float, float] = {}
    for name in sorted(scores[0], reverse=True):
        means = np.mean([score[name][measure] for score in scores], axis=0).tolist()
        points.update(zip(scores[0][name]["tolerances_s"], means, strict=True))
    widest = "loose" if "loose" in scores[0] else next(iter(scores[0]))
    return {
        "tolerances_s": list(points),
        "per_tolerance": list(points.values()),
        "per_class": {
            kind: {name: _mean([score[widest][kind][name] for score in scores]) for name in scores[0][widest][kind]}
            for kind in _KINDS
            if kind in scores[0][widest]
        },
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _timelines(run: Run, root: Dataset, split: str, games: dict[str, Any], *, times: int) -> dict[str, Any]:
    present = root.games.get(split, [])
    if not set(run.result.games[split]["loose"]) <= set(present):
        raise InputError(
            root.path, f"lacks games that {run.folder} was scored on", "give --data with the runs' own games"
        )
    tree = Tree(run.folder / run.result.submissions[split])
    names, task = list(run.result.games[split]["loose"]), run.result.spec["task"]
    if task == "grounding":
        arcs, counts = grounded_games(
            [read_replays(root.tree, game, strict=False) for game in names],
            [read_grounding_predictions(tree, game, strict=False) for game in names],
        )
        return {"seed": run.result.seed, "arcs": arcs, "grounded": counts}
    labels = root.labels(split)
    spotted = spotted_split(
        [labels[game] for game in names],
        [read_spotting_predictions(tree, game, strict=False) for game in names],
        times=times,
    )
    games.setdefault(f"{run.result.dataset} {split}", spotted.games)
    return {
        "seed": run.result.seed,
        "games": f"{run.result.dataset} {split}",
        "detected": spotted.detected,
        "breakdown": spotted.breakdown,
        "omitted": spotted.omitted,
        "times": times,
    }


def _events(root: Dataset, split: str) -> int:
    return sum(len(game.label) for game in root.labels(split).values())


def scores_of(run: Run, split: str) -> dict[str, dict[str, Any]]:
    """Tolerances -> the object of `evaluate --json`, for a split that was scored."""
    return {name: score.to_json() for name, score in (run.result.scores[split] or {}).items()}


def _scored(run: Run) -> list[str]:
    return [split for split in SPLITS if run.result.scores.get(split)]


def _name(run: Run) -> str:
    spec: dict[str, Any] = run.result.spec
    parts = [spec["features"], "mega" if spec["mega"] else "", spec["head"], "ultra" if spec["mode"] == "ultra" else ""]
    parts.append(f"({spec['name']})" if spec.get("name") else "")
    return f"{run.result.table} row {run.result.row}: {' '.join(part for part in parts if part)}"


def _words(members: Sequence[Run]) -> Entry:
    """A row's spec and provenance as text."""
    first = members[0].result
    spec: dict[str, Any] = first.spec
    reasons = spec["assumed"] | spec.get("left_open", {})
    hidden = {"assumed", "left_open", "published", "table", "row"}
    stated = [(key, _text(value)) for key, value in spec.items() if key not in hidden | set(reasons) and value]
    assumed = [(key, _text(spec.get(key, "")), why) for key, why in reasons.items()]
    facts = [("seeds", ", ".join(str(run.result.seed) for run in members))]
    for key, name in _FACTS.items():
        values = dict.fromkeys(_text(getattr(run.result, key)) for run in members)
        facts.append((name, "; ".join(values)))
    for split in _scored(members[0]):
        facts += [
            (f"signature, {split}, {name}", score["signature"]) for name, score in scores_of(members[0], split).items()
        ]
    return Entry(_name(members[0]), stated, assumed, facts)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
