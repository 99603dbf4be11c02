"""The scores of a spotting head frame by frame, and the detections that are left of them.

Conventions
    scores  (T, K), a column a class; -1 where there is no detection, as in the official code
    frame   n is at first_s + n / fps seconds of the half
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.events import Events

Scores = NDArray[np.floating]
NONE = -1.0


@dataclass(frozen=True, eq=False)
class FrameScores:
    """The scores of one half.

    Args:
        displacement_s: (T, K), or (T, 1) for all classes: seconds from a frame to its event; None if not predicted.
    """

    scores: Scores  # (T, K), in [0, 1], or -1
    fps: float  # frames a second
    first_s: float = 0.0  # second of frame 0
    displacement_s: Scores | None = None


def mean_of(parts: Sequence[FrameScores]) -> FrameScores:
    """The mean of scores at the same times, and of the displacements where all have them, as far as all reach."""
    frames = min(len(part.scores) for part in parts)
    scores = np.mean([part.scores[:frames] for part in parts], axis=0)
    moves = [part.displacement_s[:frames] for part in parts if part.displacement_s is not None]
    mean_s = np.mean(moves, axis=0) if len(moves) == len(parts) else None
    return replace(parts[0], scores=scores, displacement_s=mean_s)


def events_of(halves: Mapping[int, FrameScores], *, game: str) -> Events:
    """The detections that are left: by half and class, the most confident first.

    Args:
        halves: half -> its scores after all steps.
        game: "league/season/game".
    """
    columns: list[tuple[NDArray[Any], ...]] = []
    for half, found in halves.items():
        for label, scores in enumerate(found.scores.T):
            kept = np.flatnonzero(scores >= 0)
            kept = kept[np.argsort(-scores[kept], kind="stable")]
            position_ms = np.maximum(np.int64((kept / found.fps + found.first_s) * 1000), 0)
            columns.append((np.full_like(kept, half), np.full_like(kept, label), position_ms, scores[kept]))
    half_, label_, position_ms, confidence = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Events(half_, label_, position_ms, confidence=confidence.astype(np.float64), game=game)
