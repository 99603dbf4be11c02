"""Keys of rows whose head scores every frame of a chunk: chunks, targets, losses, and how chunks are joined.

Conventions
    frame         one of the head's outputs, `frames_per_row` for each feature row
    radius_s      a frame is a positive of a class within this time of an event of it, edges included
    displacement  from a frame to the nearest event within its own radius, positive where the event is later
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from soccerbench.specs.base import Annealing, Count, Frozen, Optimiser, Seconds

Weight = Annotated[float, Field(ge=0)]


class BalancedBinary(Frozen):
    """Binary cross-entropy of 17 classes; the positives of each weigh `positive_share` of all its frames in sum."""

    kind: Literal["balanced-binary"]
    positive_share: Annotated[float, Field(gt=0, lt=1)]


class FocalBinary(Frozen):
    """Binary cross-entropy of 17 classes and the background, times `weight` and (1 - p of the target)^`gamma`."""

    kind: Literal["focal-binary"]
    gamma: Weight
    epsilon: Annotated[float, Field(gt=0, lt=1)]
    weight: Annotated[float, Field(gt=0)]


class CrossEntropy(Frozen):
    """Softmax cross-entropy of the background and 17 classes, which weigh `foreground_weight` each."""

    kind: Literal["cross-entropy"]
    foreground_weight: Annotated[float, Field(gt=0)]


Loss = Annotated[BalancedBinary | FocalBinary | CrossEntropy, Field(discriminator="kind")]


class Apart(Frozen):
    """How a network for the displacement alone is trained; what it has no key for is as in the row."""

    learning_rate: Annotated[float, Field(gt=0, lt=10)]
    weight_decay: Weight
    optimiser: Optimiser | None = None
    annealing: Annealing | None = None


class Displacement(Frozen):
    """The displacement that a head predicts; with `apart` a second network of the same kind does."""

    radius_s: Seconds
    loss: Literal["huber", "squared", "gaussian"]
    per_class: bool
    apart: Apart | None = None


class MixupQueue(Frozen):
    """Mix-up with one of the last `per_class` chunks of a random class; a chunk's own share is of Beta(alpha, beta)."""

    per_class: Count
    alpha: Annotated[float, Field(gt=0)]
    beta: Annotated[float, Field(gt=0)]


class DenseKeys(Frozen):
    """What a row of a dense head has besides the keys of every spotting row.

    In training, `chunks_per_epoch` chunks of `chunk_s` start at random rows. To predict, chunks are `stride_s` apart,
    their first and last `border_s` are dropped except at the ends of a half, and where they overlap the scores are
    averaged or the largest is taken.
    """

    frames_per_row: Literal[1, 2]
    chunks_per_epoch: Count
    radius_s: Seconds
    loss: Loss
    displacement: Displacement | None
    stride_s: Seconds
    border_s: Annotated[float, Field(ge=0, le=3600)]
    overlap: Literal["mean", "max"]
    mixup_queue: MixupQueue | None = None
