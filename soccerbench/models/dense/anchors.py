"""Dense anchors (Soares et al., 2022): what their U-Net and their transformer have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from soccerbench.models.dense.contract import DenseHead, DenseOutput, Layout, resample


class DenseAnchors(DenseHead):
    """Layers on each row, a trunk over the frames, a convolution to the outputs.

    The published network resamples the features; its first layer is affine, so that resampling after it is the same.
    Weights are drawn as Glorot and Bengio (2010) do, uniformly; biases are zero.

    Args:
        layout: what it has to fit; displacements come from a second network.
        projections: widths of the layers of each row, the last one that of the trunk.
        trunk: (B, projections[-1], T') to the same shape.
    """

    def __init__(self, layout: Layout, *, projections: Sequence[int], trunk: nn.Module, head: str) -> None:
        super().__init__()
        if layout.displacements:
            raise ValueError(
                f"{head}: displacements come from a second network; set displacement.apart, or no displacement"
            )
        self.frames_per_row = layout.frames_per_row
        self.first = nn.Linear(layout.width, projections[0])
        pairs = pairwise(projections)
        self.others = nn.ModuleList(nn.Linear(width, wider) for width, wider in pairs)
        self.trunk = trunk
        self.classify = nn.Conv1d(projections[-1], layout.outputs, 3, padding=1)
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            elif weight.ndim > 1 and not name.endswith("positions"):
                nn.init.xavier_uniform_(weight)

    def embed(self, features: Tensor) -> Tensor:
        """(…, C) to (…, projections[0])."""
        embedded: Tensor = self.first(features)
        return embedded

    def decode(self, tokens: Tensor) -> DenseOutput:
        """Score chunks of embedded rows (B, T, projections[0])."""
        frames = torch.relu(resample(tokens, self.frames_per_row))  # (B, T', projections[0])
        for layer in self.others:
            frames = torch.relu(layer(frames))
        return DenseOutput(self.classify(torch.relu(self.trunk(frames.mT))).mT)
