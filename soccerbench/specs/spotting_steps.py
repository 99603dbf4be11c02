"""Post-processing steps that a spotting row names; they are applied in the given order.

Conventions
    window_s  full width of a window; one for all classes, or one a class in the order of SoccerNet's classes
    frames    of the scores; the head's own, until `resample` makes more of them
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from soccerbench.specs.base import Frozen, Seconds

CLASS_COUNT = 17

Window = Seconds | Annotated[tuple[Seconds, ...], Field(min_length=CLASS_COUNT, max_length=CLASS_COUNT)]
Score = Annotated[float, Field(gt=0, lt=1)]
Decay = Literal["linear", "squared", "gaussian"]


class Nms(Frozen):
    """Keep the best frame, drop the others within half a window, repeat."""

    step: Literal["nms"]
    window_s: Window


class SoftNms(Frozen):
    """Keep the best frame, lower the others within half a window, repeat until no score is at least `stop_below`."""

    step: Literal["soft-nms"]
    window_s: Window
    decay: Decay
    stop_below: Score = 1e-5


class Displace(Frozen):
    """Move each score by the displacement that a dense head predicts for it."""

    step: Literal["displace"]


class Resample(Frozen):
    """`factor` frames in place of one, linear between the head's own."""

    step: Literal["resample"]
    factor: Annotated[int, Field(ge=2, le=10)]


class Threshold(Frozen):
    """Drop scores that are not above a value."""

    step: Literal["threshold"]
    above: Score


SpottingStep = Annotated[Nms | SoftNms | Displace | Resample | Threshold, Field(discriminator="step")]
