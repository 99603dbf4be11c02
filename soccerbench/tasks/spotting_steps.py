"""Steps between the frame scores of a spotting head and its detections.

Sources: hard NMS of the NetVLAD++ reference code; linear soft-NMS and displacement of Soares et al. (2022); squared
soft-NMS of Xarles et al. (2023, 2024); Gaussian soft-NMS of Bodla et al. (2017), whose overlap is 1 - u here.

Conventions
    scores  those of `frame_scores`, (T, K)
    window  full width in seconds, one a class; u is the distance from the kept frame in half windows, at most 1
    ties    the earliest frame wins
    inputs  unchanged; every step gives new scores
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.specs.spotting_steps import Decay, Displace, Nms, Resample, SoftNms, Threshold, Window
from soccerbench.tasks.frame_scores import NONE, FrameScores, Scores
from soccerbench.tasks.postprocess import postprocess as postprocess
from soccerbench.tasks.postprocess import suppress_non_maxima

GAUSSIAN_SPREAD = 0.5  # sigma of Bodla et al.
BLOCK_FRAMES = 64  # at least


@postprocess.register
def _nms(step: Nms, found: FrameScores, _: Sequence[Any] = ()) -> FrameScores:
    return replace(found, scores=hard_nms(found.scores, fps=found.fps, window_s=step.window_s))


@postprocess.register
def _soft_nms(step: SoftNms, found: FrameScores, _: Sequence[Any] = ()) -> FrameScores:
    scores = soft_nms(found.scores, fps=found.fps, window_s=step.window_s, decay=step.decay, stop_below=step.stop_below)
    return replace(found, scores=scores)


@postprocess.register
def _displace(_step: Displace, found: FrameScores, _: Sequence[Any] = ()) -> FrameScores:
    if found.displacement_s is None:
        raise ValueError("the step displace needs a head that predicts displacements")
    return replace(found, scores=displace(found.scores, found.displacement_s, fps=found.fps), displacement_s=None)


@postprocess.register
def _resample(step: Resample, found: FrameScores, _: Sequence[Any] = ()) -> FrameScores:
    moved = None if found.displacement_s is None else resample(found.displacement_s, factor=step.factor)
    scores = resample(found.scores, factor=step.factor)
    return replace(found, scores=scores, fps=found.fps * step.factor, displacement_s=moved)


@postprocess.register
def _threshold(step: Threshold, found: FrameScores, _: Sequence[Any] = ()) -> FrameScores:
    return replace(found, scores=threshold(found.scores, above=step.above))


def hard_nms(scores: Scores, *, fps: float, window_s: Window) -> Scores:
    """Keep each class's best frame, drop the frames in [frame - window / 2, frame + window / 2), repeat.

    Example: windows of four frames at 1 fps.
        >>> hard_nms(np.array([[0.1], [0.9], [0.8], [0.2]]), fps=1, window_s=4).ravel().tolist()
        [-1.0, 0.9, -1.0, 0.2]
    """
    kept = np.full_like(scores, NONE)
    for label, window in enumerate(_each(window_s, scores)):
        rows = suppress_non_maxima(scores[:, label], window_frames=window * fps)
        kept[rows, label] = scores[rows, label]
    return kept


def soft_nms(scores: Scores, *, fps: float, window_s: Window, decay: Decay, stop_below: float = 1e-5) -> Scores:
    """Keep each class's best frame with its present score, multiply those of its window by `factors`, repeat.

    Frames whose score falls below `stop_below` before they are the best are dropped.

    Example: one frame either side gets half of its score, the next one all of it; 0.6 is halved, then kept.
        >>> soft_nms(np.array([[0.2], [0.8], [0.6], [0.3]]), fps=1, window_s=4, decay="linear").ravel().tolist()
        [0.1, 0.8, 0.3, 0.15]
    """
    frames, classes = scores.shape
    half_frames = np.array(_each(window_s, scores)) / 2 * fps  # (K,)
    reach = int(np.ceil(half_frames.max()))
    offsets = np.arange(-reach, reach + 1)
    factor = factors(np.minimum(np.abs(offsets) / half_frames[:, None], 1), decay)  # (K, 2 reach + 1)
    size = max(len(offsets), BLOCK_FRAMES)
    after = reach + -(frames + 2 * reach) % size
    left = np.pad(scores.T.astype(np.float64), ((0, 0), (reach, after)), constant_values=NONE)
    blocks = left.reshape(classes, -1, size)  # the same memory
    top = blocks.max(axis=2)  # of each block, so that a step looks at a few blocks
    kept = np.full(left.shape, NONE)
    label = np.arange(classes)
    for _ in range(frames):
        block = top.argmax(axis=1)
        score = top[label, block]
        going = score >= stop_below
        if not going.any():
            break
        best = block * size + blocks[label, block].argmax(axis=1)
        chosen, place = label[going], best[going]
        kept[chosen, place] = score[going]
        left[chosen[:, None], place[:, None] + offsets] *= factor[going]
        left[chosen, place] = NONE
        for changed in ((place - reach) // size, (place + reach) // size):
            top[chosen, changed] = blocks[chosen, changed].max(axis=1)
    whole: Scores = kept[:, reach : reach + frames].T
    return whole


def factors(u: NDArray[np.float64], decay: Decay) -> NDArray[np.float64]:
    """By what scores are multiplied at a distance of `u` half windows; 1 at the edge.

    Example: at a quarter of the window.
        >>> u = np.array([0.5])
        >>> [float(factors(u, decay).round(4)[0]) for decay in ("linear", "squared", "gaussian")]
        [0.5, 0.25, 0.6065]
    """
    lowered: NDArray[np.float64] = np.exp(-((1 - u) ** 2) / GAUSSIAN_SPREAD) if decay == "gaussian" else u
    return lowered**2 if decay == "squared" else lowered


def displace(scores: Scores, displacement_s: Scores, *, fps: float) -> Scores:
    """Move each score by its displacement, rounded to frames and clipped into the half; of several, the highest stays.

    Example: the last two frames point to the second one.
        >>> displace(np.array([[0.1], [0.2], [0.9], [0.4]]), np.array([[0], [0], [-1], [-2]]), fps=1).ravel().tolist()
        [0.1, 0.9, -1.0, -1.0]
    """
    frames, classes = scores.shape
    moved = np.arange(frames)[:, None] + np.rint(np.broadcast_to(displacement_s, scores.shape) * fps)
    landed = np.full_like(scores, NONE)
    np.maximum.at(landed, (np.clip(moved, 0, frames - 1).astype(np.int64), np.arange(classes)), scores)
    return landed


def resample(values: Scores, *, factor: int) -> Scores:
    """Linear interpolation to `factor` times the rate; the given frames are kept, the first and last stay the ends.

    Example:
        >>> resample(np.array([[0.0], [0.4], [0.2]]), factor=2).ravel().round(3).tolist()
        [0.0, 0.2, 0.4, 0.3, 0.2]
    """
    given, wanted = np.arange(len(values)), np.arange(factor * (len(values) - 1) + 1) / factor
    return np.stack([np.interp(wanted, given, column) for column in values.T], axis=1).astype(values.dtype)


def threshold(scores: Scores, *, above: float) -> Scores:
    """Drop the scores that are not above a value.

    Example:
        >>> threshold(np.array([[0.01], [0.02]]), above=0.01).ravel().tolist()
        [-1.0, 0.02]
    """
    return np.where(scores > above, scores, scores.dtype.type(NONE))


def _each(window_s: Window, scores: Scores) -> Sequence[float]:
    """A window a class."""
    return window_s if isinstance(window_s, tuple) else (window_s,) * scores.shape[1]
