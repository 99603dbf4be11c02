"""The static pictures of a page, from its scores.

Conventions
    scores  split -> the object of `scores_data`: the mean over seeds by tolerance, tight before loose, and by class
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from soccerbench.experiments.results import Run
from soccerbench.report.figures.curves import class_scores, learning_curves, tolerance_curves
from soccerbench.report.html.render import Picture
from soccerbench.report.tables.scores import tolerances_text

Scores = Mapping[str, Mapping[str, Any]]
_KINDS = ("per_class", "per_class_visible", "per_class_unshown")


def scores_data(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean over seeds of the scores of one split.

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
        "widest": tolerances_text(scores[0][widest]["tolerances_s"]),
        "per_class": {
            kind: {name: _mean([score[widest][kind][name] for score in scores]) for name in scores[0][widest][kind]}
            for kind in _KINDS
            if kind in scores[0][widest]
        },
    }


def by_tolerance(title: str, rows: Mapping[str, Scores], *, metric: str) -> Iterator[Picture]:
    """Scores by tolerance, a picture a split, of short name of a row -> its scores."""
    at_one = metric.removeprefix("average-")
    for split in dict.fromkeys(split for scores in rows.values() for split in scores):
        curves = {
            name: (scores[split]["tolerances_s"], scores[split]["per_tolerance"]) if split in scores else ((), ())
            for name, scores in rows.items()
        }
        yield Picture(f"{title}, {split}: {at_one} by tolerance, %", tolerance_curves(curves, metric=at_one))


def of_entry(scores: Scores, seeds: Sequence[Run], *, metric: str) -> Iterator[Picture]:
    """Scores by class where the task has classes, and learning curves where the row was trained."""
    for split, found in scores.items():
        if found["per_class"]:
            name = f"{metric}, {found['widest']}"
            drawn = class_scores(*(found["per_class"][kind] for kind in _KINDS), metric=name)
            yield Picture(f"{name}, by class, {split}, %", drawn, split)
    if any(run.history for run in seeds):
        yield Picture("Learning curves: loss by epoch", learning_curves(seeds))


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None
