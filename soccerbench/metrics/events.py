"""Events in time, and what both tasks agree on: two frames a second, tolerances in seconds, two protocols.

Conventions
    position_ms  whole milliseconds from the start of the half
    frames       2 per second, the position cut (not rounded) to one
    delta_s      full width of the tolerance window: a hit lies within delta_s / 2 of the event,
                 which is delta_s frames either side
    protocol     "soccernet" is the official scorer, quirks included; "strict" is what it should have been
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Protocol = Literal["soccernet", "strict"]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FPS = 2
LOOSE_S: tuple[int, ...] = tuple(range(5, 61, 5))
TIGHT_S: tuple[int, ...] = (1, 2, 3, 4, 5)
MAX_TOLERANCES = 52  # one bit each, and sums of these bits stay exact in float64


@dataclass(frozen=True, eq=False)
class Events:
    """The events of one game: its targets, or what a submission detected in it.

    The order of targets does not matter. That of detections matters only where two of a class share a frame: under
    `soccernet` the later one wins.

    Attributes:
        half: (N,) 1 or 2.
        label: (N,) index of the class, from 0.
        position_ms: (N,) milliseconds from the start of the half.
        visible: (N,) whether the event was shown; None for detections, and for targets that were all shown.
        confidence: (N,) larger is surer; None for targets.

    Raises:
        ValueError: columns of different lengths, or a half that is neither 1 nor 2.
        TypeError: a column that cannot be held without loss, such as positions that are not whole.
    """

    half: Ints
    label: Ints
    position_ms: Ints
    visible: Bools | None = None
    confidence: Floats | None = None

    def __post_init__(self) -> None:
        for name, dtype in (("half", np.int64), ("label", np.int64), ("position_ms", np.int64)):
            object.__setattr__(self, name, column(getattr(self, name), dtype))
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


def column(values: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """`values` as a one-dimensional array of `dtype`, refusing a conversion that loses anything but width."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"an array of shape {array.shape}: one dimension is needed")
    return array.astype(dtype, casting="same_kind" if len(array) else "unsafe", copy=False)


def check_tolerances(deltas_s: Sequence[float]) -> tuple[float, ...]:
    """The tolerances as plain numbers.

    Raises:
        ValueError: none, too many, or not positive and increasing.
    """
    deltas = tuple(int(delta) if float(delta).is_integer() else float(delta) for delta in deltas_s)
    if any(not math.isfinite(delta) or delta <= 0 for delta in deltas):
        raise ValueError(f"tolerances {list(deltas_s)}: each must be a positive number of seconds")
    if not 1 <= len(deltas) <= MAX_TOLERANCES:
        raise ValueError(f"{len(deltas)} tolerances: from 1 to {MAX_TOLERANCES} are possible")
    if any(later <= earlier for earlier, later in pairwise(deltas)):
        raise ValueError(f"tolerances {list(deltas_s)}: they must increase")
    return deltas


def check_protocol(protocol: str) -> None:
    """Raise ValueError where `protocol` is none of the two."""
    if protocol not in get_args(Protocol):
        raise ValueError(f"protocol {protocol!r}: known are {', '.join(get_args(Protocol))}")


def check_strict_confidences(confidence: Floats) -> None:
    """Raise ValueError where a confidence is not a number in [0, 1]."""
    wrong = confidence[~((confidence >= 0) & (confidence <= 1))]
    if len(wrong):
        raise ValueError(f"confidence {wrong[0]}: it must lie in [0, 1] (a percentage, or a logit?)")


def confidence_levels(confidence: Floats, protocol: Protocol) -> npt.NDArray[Any]:
    """What the protocol keeps of a confidence: the thresholds it passes (all but one), or the number itself.

    Under `soccernet`, detections are counted at 200 thresholds from 0 to 1; the level is the number, from 0, of the
    highest that `confidence` reaches. (N,) in, (N,) out: int64 under `soccernet`, float64 under `strict`.
    """
    if protocol == "strict":
        return confidence
    return np.searchsorted(np.linspace(0, 1, 200), confidence, side="right") - 1
