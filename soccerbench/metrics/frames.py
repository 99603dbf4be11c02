"""From times to frames, two a second, with the edges of the official scorer's vectors or without."""

from __future__ import annotations

import numpy as np

from soccerbench.metrics.events import FPS, Floats, Ints, Protocol

SPOTTING_FRAMES = 120 * 60 * FPS
GROUNDING_FRAMES = 3500 * FPS
DAY_S = 24 * 60 * 60


def frames_of(position_ms: Ints, protocol: Protocol) -> Ints:
    """The frame of each position in a half.

    Under `soccernet` halves have 120 minutes: later positions lie in the last frame, negative ones count back from
    the end.

    Args:
        position_ms: (N,) milliseconds from the start of the half.
        protocol: "soccernet" or "strict".

    Returns:
        (N,) frames, none negative.

    Raises:
        ValueError: a position that the official scorer fails on (soccernet), or outside of a day (strict).
    """
    frame = np.trunc(FPS * (position_ms / 1000)).astype(np.int64)
    if protocol == "soccernet":
        wrong = position_ms[frame < -SPOTTING_FRAMES]
        if len(wrong):
            raise ValueError(f"position {wrong[0]} ms: the official scorer fails more than two hours before the half")
        frame = np.minimum(frame, SPOTTING_FRAMES - 1)
        return np.where(frame < 0, frame + SPOTTING_FRAMES, frame)
    wrong = position_ms[(position_ms < 0) | (position_ms > DAY_S * 1000)]
    if len(wrong):
        raise ValueError(f"position {wrong[0]} ms: it must lie within the half (given in microseconds?)")
    return frame


def grounding_frames(time_s: Floats, protocol: Protocol) -> Ints:
    """The frame of each time in a half; under `soccernet` negative ones count back from 3500 s.

    Args:
        time_s: (N,) seconds from the start of the half.
        protocol: "soccernet" or "strict".

    Returns:
        (N,) frames, none negative.

    Raises:
        ValueError: a time that the official scorer fails on (soccernet), or outside of a day (strict).
    """
    cut = np.trunc(FPS * time_s)
    if protocol == "soccernet":
        wrong = time_s[~((cut >= -GROUNDING_FRAMES) & (cut < GROUNDING_FRAMES))]
        if len(wrong):
            raise ValueError(f"time {wrong[0]} s: the official scorer fails outside of 0 to 3500 s")
        frame = cut.astype(np.int64)
        return np.where(frame < 0, frame + GROUNDING_FRAMES, frame)
    wrong = time_s[~((time_s >= 0) & (time_s <= DAY_S))]
    if len(wrong):
        raise ValueError(f"time {wrong[0]} s: it must lie within the half (given in milliseconds?)")
    return cut.astype(np.int64)
