"""The clip grid: which frames of a video belong to one second of it.

Clips are sampled in time, not in frame numbers, at a whole number of frames a second. Windows one second apart then
see the same frames, whatever the video's own rate is and even where it varies, so that work on one frame is done once.

Conventions
    grid      frames g = 0, 1, …; frame g is the one on screen at g / grid_fps seconds from the start of the half
    grid_fps  the least common multiple of the clips' rates, so that every clip's frames are on the grid
    window    frame k of a clip is at second + (k - frames // 2) / fps
    row       row i of a half is second i; a half of d seconds has max(1, floor(d)) rows
    clamp     frames before the video or after it are its first or its last grid frame
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """What a video model sees of one moment."""

    frames: int  # how many frames, at least 1
    fps: int  # how many of them a second, at least 1

    def __post_init__(self) -> None:
        if self.frames < 1 or self.fps < 1:
            raise ValueError(f"a clip of {self.frames} frames at {self.fps} fps: at least 1 of each is needed")


def grid_fps(clips: Iterable[Clip]) -> int:
    """The rate of the grid that holds the frames of all of `clips`."""
    rates = [clip.fps for clip in clips]
    if not rates:
        raise ValueError("no clips: the grid has no rate; give those of the models that share it")
    return math.lcm(*rates)


def window(clip: Clip, second: float, grid_fps: int) -> NDArray[np.int64]:
    """The grid frames (frames,) of the clip centred on `second`, increasing; negative before the half, not clamped.

    Between two grid frames the centre is the nearer one, the later of two equally near.
    """
    if not math.isfinite(second):
        raise ValueError(f"a clip centred on {second} s: the time must be a finite number of seconds")
    if grid_fps < 1 or grid_fps % clip.fps:
        raise ValueError(f"a grid of {grid_fps} fps has no frames at {clip.fps} fps; its rate must be a multiple")
    centre = math.floor(second * grid_fps + 0.5)
    return centre + (np.arange(clip.frames) - clip.frames // 2) * (grid_fps // clip.fps)


def clamp(indices: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """`indices` with those outside a video of `length` grid frames moved to its first or last one."""
    if length < 1:
        raise ValueError("a video without a single grid frame has nothing to clamp to")
    return np.clip(indices, 0, length - 1)


def row_count(duration_s: float) -> int:
    """How many rows a half of `duration_s` seconds has."""
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise ValueError(f"a half of {duration_s} s: the duration must be a positive number of seconds")
    return max(1, math.floor(duration_s))
