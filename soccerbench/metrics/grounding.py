"""Average-AP for replay grounding.

Source: SoccerNet 0.2.0, Evaluation/ReplayGrounding.py (MIT), with its removed numpy alias restored.

Conventions
    detections    sorted into frames, two a second; of two in a frame the later counts (soccernet) or it is an error
    suppression   separate for each tolerance, the most confident first: under `soccernet` it drops detections from
                  delta_s frames before to delta_s - 1 after; under `strict` delta_s frames either side, the hit window
    hit           the most confident remaining detection within delta_s frames of the event
    average       trapezoid mean over the tolerances; a single tolerance is its own average
    vectors       3500 seconds under `soccernet`, a later time is an error; negative times count from the end
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soccerbench.events import Floats, Protocol
from soccerbench.metrics.average_precision import GameCounts, average_precision, trapezoid_mean
from soccerbench.metrics.grounding_counts import grounding_statistics
from soccerbench.metrics.replay_matching import Annotations, Replay
from soccerbench.metrics.statistics import GroundingStatistics


@dataclass(frozen=True, eq=False)
class GroundingScore:
    """Fractions in [0, 1], NaN where no replay counts; `ap_per_tolerance` is (D,)."""

    average_ap: float
    ap_per_tolerance: Floats
    replays_scored: int
    replays_missing: int


def average_ap(
    *,
    annotations: Sequence[Annotations],
    replays: Sequence[Sequence[Replay]],
    deltas_s: Sequence[float],
    protocol: Protocol = "soccernet",
) -> GroundingScore:
    """Score the replays of some games; the arguments are those of `grounding_statistics`."""
    return grounding_score(
        grounding_statistics(annotations=annotations, replays=replays, deltas_s=deltas_s, protocol=protocol)
    )


def grounding_score(statistics: Sequence[GroundingStatistics]) -> GroundingScore:
    """The score of these games together.

    Raises:
        ValueError: no game, games counted differently, or (soccernet) no replay that counts: the official scorer fails.
    """
    scores = resampled_grounding_scores(statistics, np.ones((1, len(statistics))))
    scored = sum(game.scored for game in statistics)
    if statistics[0].protocol == "soccernet" and not scored:
        raise ValueError("no replay of the submission ends where a labelled one does: the official scorer fails")
    missing = sum(game.missing for game in statistics)
    return GroundingScore(float(scores["average_ap"][0]), scores["ap_per_tolerance"][0], scored, missing)


def resampled_grounding_scores(statistics: Sequence[GroundingStatistics], weights: Floats) -> dict[str, Floats]:
    """Scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample.

    Returns:
        `average_ap` (R,) and `ap_per_tolerance` (R, D).
    """
    kinds = {(game.protocol, game.deltas_s) for game in statistics}
    if len(kinds) != 1:
        raise ValueError(f"games counted alike are needed, found {sorted(kinds) or 'no game'}")
    ((protocol, deltas_s),) = kinds
    game = np.repeat(np.arange(len(statistics)), [len(one.level) for one in statistics])
    level, kept, hits = (
        np.concatenate([getattr(one, name) for one in statistics]) for name in ("level", "kept", "hits")
    )
    levels, place = np.unique(-level, return_inverse=True)
    shape = (max(1, len(levels)), len(deltas_s), len(statistics))
    found, passed = (
        GameCounts(place, game, masks, np.ones_like(game), shape).cumulative(weights) for masks in (hits, kept)
    )
    events = np.broadcast_to(weights @ np.array([one.scored for one in statistics], dtype=float), found.shape[1:])
    precision = np.ascontiguousarray(average_precision(found, passed, events, protocol).T)
    return {"average_ap": trapezoid_mean(precision), "ap_per_tolerance": precision}
