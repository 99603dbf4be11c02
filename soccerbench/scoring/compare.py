"""Two submissions on the same games: is one better, and do the games show it?

Conventions
    difference  score of a minus score of b
    paired      games are resampled, and exchanged between the two, together
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.events import Protocol
from soccerbench.metrics.resampling import Comparison, check_repetitions, compare, coverage, holm
from soccerbench.metrics.signature import TaskName
from soccerbench.progress import Progress, silent
from soccerbench.scoring.evaluate import evaluate_each, interval_of, number
from soccerbench.scoring.schema import ComparisonReport
from soccerbench.soccernet.archive import MAX_MIB


def compare_submissions(
    *,
    task: TaskName,
    labels: Path,
    a: Path,
    b: Path,
    split: str,
    tolerances: str | Sequence[float],
    protocol: Protocol,
    repetitions: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
    max_mib: float = MAX_MIB,
) -> ComparisonReport:
    """Score two submissions and compare them game by game; the arguments are those of `evaluate`.

    Returns:
        The object that `compare --json` prints; its `warnings` count what was ignored in labels and predictions.

    Raises:
        InputError: as `evaluate`.
        ValueError: the same.
    """
    check_repetitions(repetitions)
    progress("reading", 0, 3)
    first, second = evaluate_each(
        [a, b], task=task, labels=labels, split=split, tolerances=tolerances, protocol=protocol, max_mib=max_mib
    )
    differences = compare(
        list(first.statistics.values()),
        list(second.statistics.values()),
        repetitions=repetitions,
        rng=np.random.default_rng(seed),
        progress=progress,
    )
    overall = first.task.overall
    head: dict[str, Any] = {
        "task": task,
        "protocol": protocol,
        "signature": first.signature,
        "names": short_names(a, b),
    }
    head |= {"a": number(getattr(first.score, overall)), "b": number(getattr(second.score, overall))}
    head["warnings"] = dict(sorted((first.warnings | second.warnings).items()))
    return comparison_report(head, differences, overall, first.classes)


def comparison_report(
    head: Mapping[str, Any], differences: Comparison, overall: str, classes: Sequence[str]
) -> ComparisonReport:
    """The object that `compare --json` prints.

    Args:
        head: what was compared, and the two scores.
        differences: by field of the score.
        overall: the field that is the result.
        classes: those scored; none where the task is not scored by class.
    """

    def of(field: str, place: int | None = None) -> dict[str, Any]:
        difference, p_value = (
            number(float(values if place is None else values[place]))
            for values in (differences.difference[field], differences.p_value[field])
        )
        return {
            "difference": difference,
            "interval": interval_of(differences.interval[field], place),
            "p_value": p_value,
        }

    adjusted = holm(differences.p_value["per_class"]) if classes else ()
    per_class = {
        name: of("per_class", place) | {"p_value_holm": number(float(adjusted[place]))}
        for place, name in enumerate(classes)
    }
    report = {
        **head,
        **of(overall),
        "interval_coverage": coverage(differences.games, min(differences.runs)),
        "smallest_p": differences.smallest_p,
        "method": differences.method,
        "games": differences.games,
    }
    return ComparisonReport.model_validate(report | ({"per_class": per_class} if classes else {}))


def short_names(a: Path, b: Path) -> tuple[str, str]:
    """The ends of two paths from the first part in which they differ."""
    first, second = a.absolute().parts, b.absolute().parts
    for count in range(1, min(len(first), len(second))):
        if first[-count] != second[-count]:
            return "/".join(first[-count:]), "/".join(second[-count:])
    return a.name, b.name
