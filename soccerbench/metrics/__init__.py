"""Scores from arrays: average-mAP, average-AP, how sure they are, and the signature that says how they were made."""

from soccerbench.metrics.events import LOOSE_S, TIGHT_S, Events, Protocol
from soccerbench.metrics.grounding import (
    GroundingScore,
    GroundingStatistics,
    average_ap,
    grounding_score,
    grounding_statistics,
)
from soccerbench.metrics.pairing import Annotations, Replay
from soccerbench.metrics.spotting import SpottingScore, average_map, spotting_score
from soccerbench.metrics.statistics import (
    SpottingStatistics,
    combine,
    spotting_statistics,
    spotting_statistics_by_game,
)

__all__ = [
    "LOOSE_S",
    "TIGHT_S",
    "Annotations",
    "Events",
    "GroundingScore",
    "GroundingStatistics",
    "Protocol",
    "Replay",
    "SpottingScore",
    "SpottingStatistics",
    "average_ap",
    "average_map",
    "combine",
    "grounding_score",
    "grounding_statistics",
    "spotting_score",
    "spotting_statistics",
    "spotting_statistics_by_game",
]
