"""The scores of a spotting head frame by frame, and the steps between them and the detections.

Sources: hard NMS of the NetVLAD++ reference code; linear soft-NMS and displacement of Soares et al. (2022); squared
soft-NMS of Xarles et al. (2023, 2024); Gaussian soft-NMS of Bodla et al. (2017), whose overlap is 1 - u here.

Conventions
    scores  (T, K), a column a class; -1 where there is no detection, as in the official code
    frame   n is at first_s + n / fps seconds of the half
    window  full width in seconds, one a class; u is the distance from the kept frame in half windows, at most 1
    ties    the earliest frame wins
    inputs  unchanged; every step gives new scores
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.events import Events
from soccerbench.specs.spotting_steps import Decay, Displace, Nms, Resample, SoftNms, Threshold, Window

Scores = NDArray[np.floating]
NONE = -1.0
GAUSSIAN_SPREAD = 0.5  # sigma of Bodla et al.
BLOCK_FRAMES = 64  # at least


@dataclass(frozen=True, eq=False)
class FrameScores:
    """The scores of one half."""

    scores: Scores  # (T, K), in [0, 1], or -1
    fps: float  # frames a second
    first_s: float = 0.0  # second of frame 0
    displacement_s: Scores | None = None  # (T, K), (T, 1) for all classes: from a frame to its event; None without


def mean_of(parts: Sequence[FrameScores]) -> FrameScores:
    """The mean of scores at the same times, and of the displacements where all have them, as far as all reach."""
    frames = min(len(part.scores) for part in parts)
    scores = np.mean([part.scores[:frames] for part in parts], axis=0)
    moves = [part.displacement_s[:frames] for part in parts if part.displacement_s is not None]
    mean_s = np.mean(moves, axis=0) if len(moves) == len(parts) else None
    return replace(parts[0], scores=scores, displacement_s=mean_s)


def detections(scores: Mapping[int, FrameScores], steps: Sequence[Any], *, game: str) -> Events:
    """What the steps of a row leave of the scores of a game: by half and class, the most confident first."""
    columns: list[tuple[NDArray[Any], ...]] = []
    for half, found in scores.items():
        for step in steps:
            found = postprocess(step, found)
        for label, left in enumerate(found.scores.T):
            kept = np.flatnonzero(left >= 0)
            kept = kept[np.argsort(-left[kept], kind="stable")]
            position_ms = np.maximum(np.int64((kept / found.fps + found.first_s) * 1000), 0)
            columns.append((np.full_like(kept, half), np.full_like(kept, label), position_ms, left[kept]))
    half_, label_, position_ms, confidence = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Events(half_, label_, position_ms, confidence=confidence.astype(np.float64), game=game)


@singledispatch
def postprocess(step: Any, found: FrameScores) -> FrameScores:  # noqa: ARG001
    """Apply one step of a row to the scores of a half."""
    raise TypeError(f"no function for the step {step!r}")


@postprocess.register
def hard_nms(step: Nms, found: FrameScores) -> FrameScores:
    """Keep each class's best frame, drop the frames in [frame - window / 2, frame + window / 2), repeat.

    Example: windows of four frames.
        >>> found = FrameScores(np.array([[0.1], [0.9], [0.8], [0.2]]), fps=1)
        >>> hard_nms(Nms(step="nms", window_s=4), found).scores.ravel().tolist()
        [-1.0, 0.9, -1.0, 0.2]
    """
    kept = np.full_like(found.scores, NONE)
    for label, window_s in enumerate(_each(step.window_s, found.scores)):
        rows = suppress_non_maxima(found.scores[:, label], window_frames=window_s * found.fps)
        kept[rows, label] = found.scores[rows, label]
    return replace(found, scores=kept)


def suppress_non_maxima(scores: NDArray[np.floating], *, window_frames: float) -> NDArray[np.int64]:
    """Frames that remain when each best frame suppresses its neighbours.

    The best frame is kept and suppresses [frame - window/2, frame + window/2), until no frame of at least 0 is left; of
    equal scores the earliest comes first.

    Args:
        scores: (T,), one class.
        window_frames: full width of the window, at least 2.

    Returns:
        Frame numbers, best first.

    Raises:
        ValueError: a window so narrow that a frame would not suppress itself.
    """
    if window_frames < 2:
        raise ValueError(f"window_frames is {window_frames}, at least 2 are needed; seconds given as frames?")
    before, after = window_frames / 2, int(window_frames / 2)
    order = np.argsort(-scores, kind="stable")
    return keep_best(order, scores >= 0, lambda best: slice(int(max(best - before, 0)), best + after))


def keep_best(
    order: NDArray[np.int64], free: NDArray[np.bool_], near: Callable[[int], slice | NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Go through `order`, keep what is still free, and take what is near it, and itself, out of `free`.

    Args:
        order: indices, best first.
        free: (N,) what may be kept; overwritten.
        near: the neighbours that a kept one suppresses.

    Returns:
        Indices, best first.
    """
    kept = []
    for best in order.tolist():
        if free[best]:
            kept.append(best)
            free[near(best)] = False
    return np.array(kept, dtype=np.int64)


@postprocess.register
def soft_nms(step: SoftNms, found: FrameScores) -> FrameScores:
    """Keep each class's best frame with its present score, multiply those of its window by `factors`, repeat.

    Frames whose score falls below `stop_below` before they are the best are dropped.

    Example: one frame either side gets half of its score, the next one all of it; 0.6 is halved, then kept.
        >>> found = FrameScores(np.array([[0.2], [0.8], [0.6], [0.3]]), fps=1)
        >>> soft_nms(SoftNms(step="soft-nms", window_s=4, decay="linear"), found).scores.ravel().tolist()
        [0.1, 0.8, 0.3, 0.15]
    """
    scores = found.scores
    frames, classes = scores.shape
    half_frames = np.array(_each(step.window_s, scores)) / 2 * found.fps  # (K,)
    reach = int(np.ceil(half_frames.max()))
    offsets = np.arange(-reach, reach + 1)
    factor = factors(np.minimum(np.abs(offsets) / half_frames[:, None], 1), step.decay)  # (K, 2 reach + 1)
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
        going = score >= step.stop_below
        if not going.any():
            break
        best = block * size + blocks[label, block].argmax(axis=1)
        chosen, place = label[going], best[going]
        kept[chosen, place] = score[going]
        left[chosen[:, None], place[:, None] + offsets] *= factor[going]
        left[chosen, place] = NONE
        for changed in ((place - reach) // size, (place + reach) // size):
            top[chosen, changed] = blocks[chosen, changed].max(axis=1)
    return replace(found, scores=kept[:, reach : reach + frames].T)


def factors(u: NDArray[np.float64], decay: Decay) -> NDArray[np.float64]:
    """By what scores are multiplied at a distance of `u` half windows; 1 at the edge.

    Example: at a quarter of the window.
        >>> u = np.array([0.5])
        >>> [float(factors(u, decay).round(4)[0]) for decay in ("linear", "squared", "gaussian")]
        [0.5, 0.25, 0.6065]
    """
    lowered: NDArray[np.float64] = np.exp(-((1 - u) ** 2) / GAUSSIAN_SPREAD) if decay == "gaussian" else u
    return lowered**2 if decay == "squared" else lowered


@postprocess.register
def displace(_step: Displace, found: FrameScores) -> FrameScores:
    """Move each score by its displacement, rounded to frames and clipped into the half; of several, the highest stays.

    Example: the last two frames point to the second one.
        >>> scores, displacement_s = np.array([[0.1], [0.2], [0.9], [0.4]]), np.array([[0], [0], [-1], [-2]])
        >>> found = FrameScores(scores, fps=1, displacement_s=displacement_s)
        >>> displace(Displace(step="displace"), found).scores.ravel().tolist()
        [0.1, 0.9, -1.0, -1.0]
    """
    if found.displacement_s is None:
        raise ValueError("the step displace needs a head that predicts displacements")
    frames, classes = found.scores.shape
    moved = np.arange(frames)[:, None] + np.rint(np.broadcast_to(found.displacement_s, found.scores.shape) * found.fps)
    landed = np.full_like(found.scores, NONE)
    np.maximum.at(landed, (np.clip(moved, 0, frames - 1).astype(np.int64), np.arange(classes)), found.scores)
    return replace(found, scores=landed, displacement_s=None)


@postprocess.register
def resample(step: Resample, found: FrameScores) -> FrameScores:
    """Linear interpolation to `factor` times the rate; the given frames are kept, the first and last stay the ends.

    Example:
        >>> found = FrameScores(np.array([[0.0], [0.4], [0.2]]), fps=1)
        >>> resample(Resample(step="resample", factor=2), found).scores.ravel().round(3).tolist()
        [0.0, 0.2, 0.4, 0.3, 0.2]
    """
    given = np.arange(len(found.scores))
    wanted = np.arange(step.factor * (len(given) - 1) + 1) / step.factor

    def finer(values: Scores) -> Scores:
        return np.stack([np.interp(wanted, given, column) for column in values.T], axis=1).astype(values.dtype)

    moves = None if found.displacement_s is None else finer(found.displacement_s)
    return replace(found, scores=finer(found.scores), fps=found.fps * step.factor, displacement_s=moves)


@postprocess.register
def threshold(step: Threshold, found: FrameScores) -> FrameScores:
    """Drop the scores that are not above a value.

    Example:
        >>> found = FrameScores(np.array([[0.01], [0.02]]), fps=1)
        >>> threshold(Threshold(step="threshold", above=0.01), found).scores.ravel().tolist()
        [-1.0, 0.02]
    """
    scores = found.scores
    return replace(found, scores=np.where(scores > step.above, scores, scores.dtype.type(NONE)))


def _each(window_s: Window, scores: Scores) -> Sequence[float]:
    """A window a class."""
    return window_s if isinstance(window_s, tuple) else (window_s,) * scores.shape[1]
