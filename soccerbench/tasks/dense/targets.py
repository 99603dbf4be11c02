"""Targets of the frames of a chunk, from the time between each frame and the nearest event of each class.

Conventions
    offset  (T', 17) seconds from a frame to the nearest event of a class, positive where the event is later; infinite
            where a half has none; of two equally near the earlier
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.dense import CrossEntropy, Displacement, FocalBinary, Loss

Floats = NDArray[np.float64]


def offsets(time_s: Floats, event_s: Floats, label: NDArray[np.int64]) -> Floats:
    """The offsets of frames at `time_s`, (T', 17).

    Args:
        time_s: (T',) of the frames.
        event_s: (E,) of the events, in any order.
        label: (E,) their classes.

    Example:
        >>> offsets(np.array([0.0, 2.0]), np.array([0.5, 3.0]), np.array([1, 1]))[:, 1].tolist()
        [0.5, 1.0]
    """
    found = np.full((len(time_s), len(CLASSES)), np.inf)
    order = np.argsort(event_s, kind="stable")
    for at_s, of_class in zip(event_s[order].tolist(), label[order].tolist(), strict=True):
        offset = at_s - time_s
        nearer = np.abs(offset) < np.abs(found[:, of_class])
        found[nearer, of_class] = offset[nearer]
    return found


def score_targets(offset_s: Floats, radius_s: float, loss: Loss) -> NDArray[np.float32]:
    """The targets of the scores, (T', K): of a softmax one-hot, the nearest event's; else each class by itself."""
    near = np.abs(offset_s) <= radius_s
    if isinstance(loss, CrossEntropy):
        nearest = np.abs(offset_s).argmin(axis=1)[:, None] == np.arange(len(CLASSES))
        near &= nearest
    if isinstance(loss, CrossEntropy | FocalBinary):
        near = np.concatenate([~near.any(axis=1, keepdims=True), near], axis=1)
    return near.astype(np.float32)


def displacement_targets(
    offset_s: Floats, wanted: Displacement, frames_per_s: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The displacement in frames, (T', 17) or (T', 1) to the nearest event of any class, and 1 where there is one."""
    if not wanted.per_class:
        nearest = np.abs(offset_s).argmin(axis=1)
        offset_s = offset_s[np.arange(len(offset_s)), nearest][:, None]
    near = np.abs(offset_s) <= wanted.radius_s
    return np.where(near, offset_s * frames_per_s, 0).astype(np.float32), near.astype(np.float32)
