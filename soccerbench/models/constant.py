"""A control, not a model of the paper: the same logits for every window, whatever its features."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """One learned logit a class; training fits it to the share of clips with the class."""

    def __init__(self, width: int, *, classes: int = 17) -> None:  # noqa: ARG002 - every head takes the width
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(classes + 1))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, classes + 1) for features (B, T, C)."""
        return self.logits.expand(len(features), -1)
