"""Scores from arrays: average-mAP, average-AP, confidence intervals, and the signature that describes a score."""

from soccerbench.events import Annotations
from soccerbench.metrics.grounding import (
    GroundingScore,
    average_ap,
    grounding_score,
    grounding_statistics,
)
from soccerbench.metrics.replay_matching import Replay
from soccerbench.metrics.resampling import Comparison, Interval, bootstrap, compare, compare_seeds, mean_and_deviation
from soccerbench.metrics.signature import signature
from soccerbench.metrics.spotting import SpottingScore, average_map, spotting_score
from soccerbench.metrics.spotting_counts import spotting_statistics
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics
from soccerbench.metrics.tolerances import LOOSE_S, NAMED_S, TIGHT_S

__all__ = [
    "LOOSE_S",
    "NAMED_S",
    "TIGHT_S",
    "Annotations",
    "Comparison",
    "GroundingScore",
    "GroundingStatistics",
    "Interval",
    "Replay",
    "SpottingScore",
    "SpottingStatistics",
    "average_ap",
    "average_map",
    "bootstrap",
    "compare",
    "compare_seeds",
    "grounding_score",
    "grounding_statistics",
    "mean_and_deviation",
    "signature",
    "spotting_score",
    "spotting_statistics",
]
