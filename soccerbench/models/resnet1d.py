"""A residual network over time: the "1D-ResNet" of section 3.1, which the paper names but does not describe."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soccerbench.models.sliding import WindowHead


class Block(nn.Module):
    """A basic block (He et al., 2016) over time: two convolutions with batch norm around a shortcut."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, channels, T) to the same shape."""
        return torch.relu(tokens + self.residual(tokens))


class ResNet1D(WindowHead):
    """Frames projected, basic blocks over time, averaged over time, classified. All sizes are assumed.

    Args:
        blocks: basic blocks; four of kernel 3 see 17 frames.
    """

    def __init__(
        self, width: int, *, classes: int = 17, channels: int, blocks: int, kernel: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(width, channels)
        self.blocks = nn.Sequential(*(Block(channels, kernel) for _ in range(blocks)))
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(channels, classes + 1)

    def head(self, tokens: Tensor) -> Tensor:
        """Score chunks of embedded frames (B, T, channels): logits (B, classes + 1)."""
        logits: Tensor = self.classify(self.dropout(self.blocks(tokens.mT).mean(dim=-1)))
        return logits
