"""Tolerances and confidences: which are accepted, and what a protocol keeps of them.

Conventions
    delta_s   full width of the tolerance window: a hit is within delta_s / 2 of the event, which is delta_s frames
              either side
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from soccerbench.events import Floats, Protocol

LOOSE_S: tuple[int, ...] = tuple(range(5, 61, 5))
TIGHT_S: tuple[int, ...] = (1, 2, 3, 4, 5)
NAMED_S: dict[str, tuple[int, ...]] = {"loose": LOOSE_S, "tight": TIGHT_S}
MAX_TOLERANCES = 52  # one bit each, and sums of these bits stay exact in float64


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


def parse_tolerances(text: str | Sequence[float]) -> tuple[float, ...]:
    """Parse "loose", "tight" or "1,2,5" into window widths in seconds; widths are taken as they are.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(text, str):
        return tuple(text)
    if text in NAMED_S:
        return NAMED_S[text]
    try:
        widths = [float(part) for part in text.split(",")]
    except ValueError:
        widths = [math.nan]
    if not all(math.isfinite(width) for width in widths):
        raise ValueError(f"tolerances {text!r}: give loose, tight, or seconds such as 1,2,5")
    return tuple(int(width) if width.is_integer() else width for width in widths)


def check_protocol(protocol: str) -> None:
    """Raise ValueError for an unknown protocol."""
    if protocol not in get_args(Protocol):
        raise ValueError(f"protocol {protocol!r}: known are {', '.join(get_args(Protocol))}")


def check_strict_confidences(confidence: Floats) -> None:
    """Raise ValueError for a confidence outside [0, 1] or NaN."""
    wrong = confidence[~((confidence >= 0) & (confidence <= 1))]
    if len(wrong):
        raise ValueError(f"confidence {wrong[0]}: it must be in [0, 1] (a percentage, or a logit?)")


def confidence_levels(confidence: Floats, protocol: Protocol) -> npt.NDArray[Any]:
    """What the protocol keeps of a confidence: the thresholds it passes (all but one), or the number itself.

    Under `soccernet`, detections are counted at 200 thresholds from 0 to 1; the level is the number, from 0, of the
    highest that `confidence` (not NaN) reaches. (N,) in, (N,) out: int64 under `soccernet`, float64 under `strict`.
    """
    if protocol == "strict":
        return confidence
    thresholds = np.linspace(0, 1, 200)
    level = np.minimum(199 * np.clip(confidence, 0, 1), 198).astype(np.int64)  # rounded, it may be one off
    level += (confidence >= thresholds[level + 1]).astype(np.int64) - (confidence < thresholds[level])
    return level
