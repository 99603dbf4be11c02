"""The naive baselines of replay grounding: one detection a fixed time before each replay, all of equal confidence.

Source: the released CALF-more-negative code, which measures such a detection next to its models (without a number for
its delay), and holds one 30 s before the end.

Conventions
    delay  seconds counted back from the replay's start or end
    best   of the whole seconds up to LONGEST_S the one whose detections are near the event most often, on average over
           the loose tolerances; the middle one of equally good ones
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Replay
from soccerbench.specs.grounding import NaiveRow
from soccerbench.tasks.grounding_postprocess import distinct

LONGEST_S = 120
TOLERANCES_S = np.arange(5, 61, 5)


class NaiveTask:
    """Detections of one naive row; no features are read, and nothing is validated.

    Args:
        train: games to choose the delay on, with their replays.
    """

    def __init__(self, row: NaiveRow, _store: object = None, *, train: Mapping[str, GameReplays], **_: object) -> None:
        self.row = row
        self.delay_s = row.delay_s
        if self.delay_s is None:
            replays = [replay for game in train.values() for replay in game.replays if replay.same_half]
            self.delay_s = best_delay_s([_since_s(row, one) - one.link.second for one in replays if one.link])

    def detect(self, model: object, game: GameReplays, device: object) -> GroundingPredictions:  # noqa: ARG002
        """One detection a replay; none where it would be before the half."""
        return GroundingPredictions(game.game, tuple(map(self._found, game.replays)))

    def _found(self, replay: Replay) -> ReplayDetections:
        assert self.delay_s is not None
        time_s = np.array([_since_s(self.row, replay) - self.delay_s])
        found = ReplayDetections(replay.half, replay.start_s, replay.end_s, time_s, np.ones(1))
        return distinct(found)


def best_delay_s(delays_s: Sequence[float]) -> float:
    """The whole second that is near most of the delays."""
    candidates = np.arange(LONGEST_S + 1)
    errors = np.abs(np.asarray(delays_s, dtype=float)[:, None] - candidates)  # (N, candidates)
    hits = (errors[..., None] <= TOLERANCES_S / 2).sum(axis=(0, 2))
    best = candidates[hits == hits.max()]
    return float(best[len(best) // 2])


def _since_s(row: NaiveRow, replay: Replay) -> float:
    return (replay.start_ms if row.since == "start" else replay.end_ms) / 1000
