"""What a head scores that sees nothing: the same logits for every window. A control, not a model of the paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """One learned logit a class, whatever the features; training leaves the share of clips with each class.

    Args:
        width: of the features, which are not looked at.
        classes: events, background not counted.
    """

    def __init__(self, width: int, *, classes: int = 17) -> None:  # noqa: ARG002 - every head is told the width
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(classes + 1))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, classes + 1) for features (B, T, C)."""
        return self.logits.expand(len(features), -1)
