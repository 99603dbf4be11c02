"""Events in time: labels, predictions and what metrics compare, and the one rule from times to frames.

Source: SoccerNet 0.2.0, Evaluation/ActionSpotting.py and ReplayGrounding.py, for the frames of `soccernet`.

Conventions
    position_ms  whole milliseconds from the start of the half
    frames       2 per second, the position cut (not rounded) to one
    protocol     "soccernet" is the official scorer, quirks included; "strict" is what it should have been
    vectors      the official scorer holds a half in 120 minutes (spotting) or 3500 seconds (grounding); there negative
                 frames count back from the end, as negative indices do
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Protocol = Literal["soccernet", "strict"]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FPS = 2
SPOTTING_FRAMES = 120 * 60 * FPS
GROUNDING_FRAMES = 3500 * FPS
DAY_S = 24 * 60 * 60


@dataclass(frozen=True, eq=False)
class Events:
    """The events of one game: its labels, or what was detected in it.

    The order of labels does not matter. That of detections matters only where two of a class share a frame: under
    `soccernet` the later one wins.

    Attributes:
        half: (N,) 1 or 2.
        label: (N,) index of the class, from 0.
        position_ms: (N,) milliseconds from the start of the half.
        visible: (N,) whether the event was shown; None for detections, and for labels that were all shown.
        confidence: (N,) larger is more confident; None for labels.
        game: "league/season/game"; metrics do not read it.
        warnings: what a lenient reader skipped or changed, counted; entries that it skipped have no row.

    Raises:
        ValueError: columns of different lengths, or a half that is neither 1 nor 2.
        TypeError: a column that cannot be held without loss, such as positions that are not whole.
    """

    half: Ints
    label: Ints
    position_ms: Ints
    visible: Bools | None = None
    confidence: Floats | None = None
    game: str = ""
    warnings: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for name in ("half", "label", "position_ms"):
            object.__setattr__(self, name, column(getattr(self, name), np.int64))
        if self.visible is not None:
            object.__setattr__(self, "visible", column(self.visible, np.bool_))
        if self.confidence is not None:
            object.__setattr__(self, "confidence", column(self.confidence, np.float64))
        for name in ("label", "position_ms", "visible", "confidence"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(f"{len(values)} values of {name} for {len(self)} events: one each is needed")
        wrong = self.half[(self.half != 1) & (self.half != 2)]
        if len(wrong):
            raise ValueError(f"half {wrong[0]}: a game has halves 1 and 2 (counted from 0?)")

    def __len__(self) -> int:
        return len(self.half)

    @property
    def shown(self) -> Bools:
        """(N,) whether each was shown: all, where that is not known."""
        return np.ones(len(self), dtype=np.bool_) if self.visible is None else self.visible

    @property
    def confidences(self) -> Floats:
        """(N,) the confidence of each detection.

        Raises:
            ValueError: labels, which have none.
        """
        if self.confidence is None:
            raise ValueError("detections without confidence (targets and detections exchanged?)")
        return self.confidence

    def take(self, rows: Bools | Ints) -> Events:
        """The events of some rows, by mask or index."""
        return replace(
            self,
            half=self.half[rows],
            label=self.label[rows],
            position_ms=self.position_ms[rows],
            visible=None if self.visible is None else self.visible[rows],
            confidence=None if self.confidence is None else self.confidence[rows],
        )


@dataclass(frozen=True, eq=False)
class Annotations:
    """The camera annotations of one game in the order of its label file, as replay grounding is scored.

    Attributes:
        time_s: (N,) second of the half in which the shot ends (gameTime).
        replay: (N,) whether the shot is marked as a replay.
        linked: (N,) whether it has a link.
        link_half: (N,) half of the linked event; anything without a link.
        link_label: (N,) index of its class, -1 for an unknown class or no link.
        link_time_s: (N,) second of the linked event; anything without a link.
    """

    time_s: Ints
    replay: Bools
    linked: Bools
    link_half: Ints
    link_label: Ints
    link_time_s: Ints

    def __post_init__(self) -> None:
        for name in ("time_s", "link_half", "link_label", "link_time_s"):
            object.__setattr__(self, name, column(getattr(self, name), np.int64))
        for name in ("replay", "linked"):
            object.__setattr__(self, name, column(getattr(self, name), np.bool_))
        for name in ("replay", "linked", "link_half", "link_label", "link_time_s"):
            if len(getattr(self, name)) != len(self.time_s):
                raise ValueError(f"{len(getattr(self, name))} values of {name} for {len(self.time_s)} annotations")

    def known(self) -> Bools:
        """Whether each annotation has a link to an event of a known class; (N,)."""
        return self.linked & (self.link_label >= 0)


def column(values: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """`values` as a one-dimensional array of `dtype`, refusing a conversion that loses anything but width."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"an array of shape {array.shape}: one dimension is needed")
    return array.astype(dtype, casting="same_kind" if len(array) else "unsafe", copy=False)


def cut_to_frames(time_s: Floats) -> Floats:
    """Times in a half cut, not rounded, to whole frames of `FPS` a second; any shape."""
    return np.trunc(FPS * time_s)


def frames_of(position_ms: Ints, protocol: Protocol) -> Ints:
    """The frame of each position in a half.

    Under `soccernet` halves have 120 minutes: later positions fall into the last frame, negative ones count back from
    the end.

    Args:
        position_ms: (N,) milliseconds from the start of the half.
        protocol: "soccernet" or "strict".

    Returns:
        (N,) frames, none negative.

    Raises:
        ValueError: a position that the official scorer fails on (soccernet), or outside of a day (strict).
    """
    frame = cut_to_frames(position_ms / 1000).astype(np.int64)
    if protocol == "soccernet":
        wrong = position_ms[frame < -SPOTTING_FRAMES]
        if len(wrong):
            raise ValueError(f"position {wrong[0]} ms: the official scorer fails more than two hours before the half")
        frame = np.minimum(frame, SPOTTING_FRAMES - 1)
        return np.where(frame < 0, frame + SPOTTING_FRAMES, frame)
    wrong = position_ms[(position_ms < 0) | (position_ms > DAY_S * 1000)]
    if len(wrong):
        raise ValueError(f"position {wrong[0]} ms: it must be within the half (given in microseconds?)")
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
    cut = cut_to_frames(time_s)
    if protocol == "soccernet":
        wrong = time_s[~((cut >= -GROUNDING_FRAMES) & (cut < GROUNDING_FRAMES))]
        if len(wrong):
            raise ValueError(f"time {wrong[0]} s: the official scorer fails outside of 0 to 3500 s")
        frame = cut.astype(np.int64)
        return np.where(frame < 0, frame + GROUNDING_FRAMES, frame)
    wrong = time_s[~((time_s >= 0) & (time_s <= DAY_S))]
    if len(wrong):
        raise ValueError(f"time {wrong[0]} s: it must be within the half (given in milliseconds?)")
    return cut.astype(np.int64)
