"""What an evaluation yields: a score, the statistics it is made from, and the object that `evaluate --json` prints.

Conventions
    fractions   in [0, 1]; null for what has no value, since JSON has no NaN
    statistics  of each game, in the order of the split: scores of any part of the games are a re-sum of them
    interval    stands beside the score whose name it carries: `interval` beside the overall one, `interval_visible`, …
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soccerbench.metrics import GroundingScore, GroundingStatistics, Interval, SpottingScore, SpottingStatistics


@dataclass(frozen=True, eq=False)
class SpottingEvaluation:
    """The score of one submission to action spotting, and what it was made from.

    Args:
        statistics: by game.
        score: of all games together.
        classes: (C,) names of those scored.
        signature: all that changes the number.
        warnings: what was passed over in labels and predictions, counted.
        intervals: by field of the score; empty unless asked for.
    """

    statistics: dict[str, SpottingStatistics]
    score: SpottingScore
    classes: tuple[str, ...]
    signature: str
    warnings: Counter[str]
    intervals: dict[str, Interval]

    @property
    def games(self) -> dict[str, Any]:
        """The statistics as JSON can hold them."""
        return {game: statistics.to_json() for game, statistics in self.statistics.items()}

    def report(self) -> dict[str, Any]:
        """The object that `evaluate spotting --json` prints."""
        report = _head("spotting", self.signature, self.statistics)
        for field in ("average_map", "average_map_visible", "average_map_unshown"):
            report[field] = number(getattr(self.score, field))
            if field in self.intervals:
                report["interval" + field.removeprefix("average_map")] = interval_report(self.intervals[field])
        for field in ("per_class", "per_class_visible", "per_class_unshown"):
            report[field] = dict(zip(self.classes, _numbers(getattr(self.score, field)), strict=True))
            if field in self.intervals:
                interval = self.intervals[field]
                report[f"interval_{field}"] = {
                    name: interval_report(interval, index) for index, name in enumerate(self.classes)
                }
        report["map_per_tolerance"] = _numbers(self.score.map_per_tolerance)
        return report


@dataclass(frozen=True, eq=False)
class GroundingEvaluation:
    """The score of one submission to replay grounding, and what it was made from; see `SpottingEvaluation`."""

    statistics: dict[str, GroundingStatistics]
    score: GroundingScore
    signature: str
    warnings: Counter[str]
    intervals: dict[str, Interval]

    @property
    def games(self) -> dict[str, Any]:
        """The statistics as JSON can hold them."""
        return {game: statistics.to_json() for game, statistics in self.statistics.items()}

    def report(self) -> dict[str, Any]:
        """The object that `evaluate grounding --json` prints."""
        return {
            **_head("grounding", self.signature, self.statistics),
            "average_ap": number(self.score.average_ap),
            **({"interval": interval_report(self.intervals["average_ap"])} if self.intervals else {}),
            "ap_per_tolerance": _numbers(self.score.ap_per_tolerance),
            "replays_scored": self.score.replays_scored,
            "replays_missing": self.score.replays_missing,
        }


def number(value: float) -> float | None:
    """A plain float, None for NaN."""
    return None if math.isnan(value) else float(value)


def interval_report(interval: Interval, index: int | None = None) -> dict[str, Any]:
    """An interval as it is printed: of a single score, or of one among several."""
    ends = {
        name: number(float(values if index is None else values[index]))
        for name, values in (("low", interval.low), ("high", interval.high))
    }
    return {"level": interval.level, **ends, "repetitions": interval.repetitions}


def _head(task: str, signature: str, statistics: Mapping[str, Any]) -> dict[str, Any]:
    counted = next(iter(statistics.values()))
    return {
        "task": task,
        "protocol": counted.protocol,
        "signature": signature,
        "tolerances_s": list(counted.deltas_s),
    }


def _numbers(values: Any) -> list[float | None]:
    return [number(value) for value in values]
