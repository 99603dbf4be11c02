"""Broadcast video: one decode pass over a half, as the frames of the clip grid.

Conventions
    time       of the half: counted from `origin_s`, the time in the file at which it begins; 0 is the first picture
    on screen  frame g of the grid is the last picture whose time is not after g / fps: right for variable frame rates
    size       the short side is scaled to `size` pixels (libswscale, bilinear over the area: the same bits each time),
               the long side in proportion; the crop is centred; rotation and pixel shape that the container asks for
               are ignored
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from soccerbench.video.decoding.pictures import decoded

_ROUNDING = 1e-6


def frames(
    path: Path,
    *,
    fps: int,
    size: int,
    crop: bool,
    start_s: float = 0.0,
    stop_s: float | None = None,
    origin_s: float = 0.0,
) -> Iterator[NDArray[np.uint8]]:
    """Decode a video once, as it is asked for, and give the pictures of its grid, `fps` a second.

    Args:
        start_s: time of the first grid frame that is wanted.
        stop_s: the first time that is not wanted; to the end where not given, or where the video is shorter.
        origin_s: where in the file the half begins, from which the other times count.

    Yields:
        (H, W, 3) uint8 RGB, read-only; the same array again for as long as a picture stays on screen.

    Raises:
        InputError: the file is damaged, see `pictures`; nothing before `stop_s` is left out without this.
        ValueError: fps or size below 1, or a time before the start.
    """
    if size < 1:
        raise ValueError(f"frames of {size} pixels: give a positive number")
    to_image = Scaler(size, crop=crop)
    for picture, times in on_grid(path, fps=fps, start_s=start_s, stop_s=stop_s, origin_s=origin_s):
        yield from repeat(to_image(picture), times)


def on_grid(
    path: Path, *, fps: int, start_s: float = 0.0, stop_s: float | None = None, origin_s: float = 0.0
) -> Iterator[tuple[VideoFrame, int]]:
    """The pictures of the grid as they were decoded, each with its number of grid frames; arguments as of `frames`."""
    if fps < 1 or not 0 <= start_s < math.inf:
        raise ValueError(f"frames at {fps} fps from {start_s} s: give positive numbers")
    grid = math.ceil(start_s * fps - _ROUNDING)
    stop = math.inf if stop_s is None else math.ceil(stop_s * fps - _ROUNDING)
    origin = Fraction(origin_s).limit_denominator(1_000_000)
    for picture in decoded(path, start_s=origin + Fraction(grid, fps)) if grid < stop else ():
        last = int(min(stop, math.ceil((picture.end_s - origin) * fps)))
        if grid < last:
            yield picture.frame, last - grid
            grid = last
        if grid >= stop:
            return


class Scaler:
    """Pictures as RGB arrays, the short side of `size` pixels, with `crop` the centred square; one converter."""

    def __init__(self, size: int, *, crop: bool) -> None:
        self._size, self._crop = size, crop
        self._converter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, read-only."""
        width, height = scaled(frame.width, frame.height, self._size)
        shown = self._converter.reformat(frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, threads=1)
        image: NDArray[np.uint8] = np.asarray(shown.to_ndarray(), np.uint8)  # (H, W, 3)
        if self._crop:
            top, left = (height - self._size) // 2, (width - self._size) // 2
            image = np.ascontiguousarray(image[top : top + self._size, left : left + self._size])
        image.flags.writeable = False
        return image


def scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height with the short side at `size`, the long side to the nearest pixel."""
    short = min(width, height)
    return (width * size * 2 + short) // (2 * short), (height * size * 2 + short) // (2 * short)
