"""Two submissions on the same games: is one better, and can so many games tell?

Conventions
    difference  score of a less score of b
    paired      games are resampled, and exchanged between the two, together
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from soccerbench.events import Protocol
from soccerbench.metrics import Comparison, compare
from soccerbench.scoring.evaluate import score_grounding, score_spotting
from soccerbench.scoring.evaluation import GroundingEvaluation, SpottingEvaluation, interval_report, number

Task = Literal["spotting", "grounding"]
OVERALL = {"spotting": "average_map", "grounding": "average_ap"}


@dataclass(frozen=True, eq=False)
class SubmissionComparison:
    """Two evaluations of the same games and what sets them apart.

    Args:
        task: "spotting" or "grounding".
        a: the first submission.
        b: the second.
        protocol: that both were scored by.
        comparison: by field of the score.
    """

    task: Task
    a: SpottingEvaluation | GroundingEvaluation
    b: SpottingEvaluation | GroundingEvaluation
    protocol: Protocol
    comparison: Comparison

    def report(self) -> dict[str, Any]:
        """The object that `compare --json` prints."""
        overall = OVERALL[self.task]
        report = {
            "task": self.task,
            "protocol": self.protocol,
            "signature": self.a.signature,
            "a": number(getattr(self.a.score, overall)),
            "b": number(getattr(self.b.score, overall)),
            **difference_report(self.comparison, overall),
            "method": self.comparison.method,
            "games": self.comparison.games,
        }
        if isinstance(self.a, SpottingEvaluation):
            report["per_class"] = {
                name: difference_report(self.comparison, "per_class", place)
                for place, name in enumerate(self.a.classes)
            }
        return report


def difference_report(comparison: Comparison, field: str, place: int | None = None) -> dict[str, Any]:
    """The difference in a field of the score, or in one of its classes, as `compare --json` prints it."""
    difference, p_value = (
        float(values if place is None else values[place])
        for values in (comparison.difference[field], comparison.p_value[field])
    )
    interval = interval_report(comparison.interval[field], place)
    return {"difference": number(difference), "interval": interval, "p_value": number(p_value)}


def compare_submissions(
    *,
    task: Task,
    labels: Path,
    a: Path,
    b: Path,
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    repetitions: int = 1000,
    seed: int = 0,
) -> SubmissionComparison:
    """Score two submissions and compare them game by game; the arguments are those of `score_spotting`.

    Raises:
        InputError: as `score_spotting` and `score_grounding`.
        ValueError: the same.
    """
    files: dict[str, Any] = {"labels": labels, "split": split, "deltas_s": deltas_s, "protocol": protocol}
    draws: dict[str, Any] = {"repetitions": repetitions, "rng": np.random.default_rng(seed)}
    if task == "spotting":
        spotted = [score_spotting(predictions=predictions, **files) for predictions in (a, b)]
        counted = [list(evaluation.statistics.values()) for evaluation in spotted]
        return SubmissionComparison(task, spotted[0], spotted[1], protocol, compare(counted[0], counted[1], **draws))
    grounded = [score_grounding(predictions=predictions, **files) for predictions in (a, b)]
    weighed = [list(evaluation.statistics.values()) for evaluation in grounded]
    return SubmissionComparison(task, grounded[0], grounded[1], protocol, compare(weighed[0], weighed[1], **draws))
