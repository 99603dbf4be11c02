"""STE, a window head on features whose columns are pooled first; from a public description."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soccerbench.models.sliding import WindowHead


class STE(WindowHead):
    """The largest of neighbouring columns and frames, projected, convolved over time, classified.

    Args:
        columns: neighbouring columns of which the largest is kept.
        channels: of the four convolutions.
    """

    def __init__(
        self,
        width: int,
        *,
        classes: int = 17,
        columns: int,
        projection: int,
        channels: Sequence[int],
        dropout: float,
        last_dropout: float,
    ) -> None:
        super().__init__()
        self.columns = columns
        first, second, third, last = channels
        self.project = nn.Linear(-(-width // columns), projection)
        self.dropout = nn.Dropout(dropout)
        self.narrow = nn.Sequential(nn.Conv1d(projection, first, 1), nn.BatchNorm1d(first), nn.ReLU())
        self.convolve = nn.Sequential(
            nn.Conv1d(first, second, 3, padding=1), nn.ReLU(), nn.Conv1d(second, third, 3, padding=1), nn.ReLU()
        )
        self.last = nn.Sequential(nn.Conv1d(third, last, 1), nn.ReLU(), nn.Dropout(last_dropout))
        self.classify = nn.Linear(last, classes + 1)

    def embed(self, features: Tensor) -> Tensor:
        """The largest of neighbouring columns, (…, C) to (…, C / columns)."""
        pooled = F.max_pool1d(features.reshape(-1, 1, features.shape[-1]), self.columns, ceil_mode=True)
        return pooled.reshape(*features.shape[:-1], -1)

    def head(self, tokens: Tensor) -> Tensor:
        """Score windows of pooled frames (B, T, C / columns): logits (B, classes + 1)."""
        frames = halved(halved(tokens.mT)).mT  # (B, T / 4, C / columns)
        frames = self.narrow(self.dropout(torch.relu(self.project(frames))).mT)  # (B, first, T / 4)
        frames = self.last(halved(self.convolve(frames)))  # (B, last, T / 8): one frame of a window of eight
        logits: Tensor = self.classify(frames.amax(dim=-1))
        return logits


def halved(frames: Tensor) -> Tensor:
    """The larger of each two frames of (B, C, T); a last odd one is kept."""
    return F.max_pool1d(frames, 2, ceil_mode=True)
