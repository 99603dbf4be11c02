"""What every video model of Table 1 has in common, and what sliding it over a match relies on.

Conventions
    images      (N, 3, H, W), red, green, blue, values 0 to 255, whole numbers or not
    clips       (B, T, 3, H, W)
    per frame   what depends on one frame alone; windows that share frames share it
    feature     (B, width), what goes into the soccer embedding; the input of the classifier
    classes     0 is the background, 1 to 17 the events
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 18


class Extractor(nn.Module, ABC):
    """A video model that classifies clips, and whose last layer but one is the feature.

    `mean` and `std` are those of red, green and blue, as fractions of 255.
    """

    mean: Tensor
    std: Tensor
    source = "random weights"  # where its weights come from, in one line

    def __init__(
        self, *, width: int, dropout: float, mean: Sequence[float], std: Sequence[float], classes: int = CLASSES
    ) -> None:
        super().__init__()
        self.width = width
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(width, classes)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(3, 1, 1), persistent=False)

    @abstractmethod
    def per_frame(self, images: Tensor) -> Tensor:
        """What depends on one frame alone: images (N, 3, H, W) to (N, …)."""

    @abstractmethod
    def per_clip(self, frames: Tensor) -> Tensor:
        """The features (B, width) of clips, from what `per_frame` made of their frames (B, T, …)."""

    def forward(self, clips: Tensor) -> Tensor:
        """Score clips (B, T, 3, H, W): logits (B, classes)."""
        logits: Tensor = self.classify(self.dropout(self.per_clip(self.frames(clips))))
        return logits

    def loss(self, clips: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of clips (B, T, 3, H, W) of classes (B,)."""
        return F.cross_entropy(self(clips), targets)

    def frames(self, clips: Tensor) -> Tensor:
        """`per_frame` of every frame of clips (B, T, 3, H, W), as (B, T, …)."""
        frames = self.per_frame(clips.flatten(0, 1))
        return frames.view(*clips.shape[:2], *frames.shape[1:])

    def normalise(self, images: Tensor) -> Tensor:
        """Images as the backbone knows them: zero mean and unit deviation a colour."""
        return (images.to(self.mean.dtype) - self.mean) / self.std
