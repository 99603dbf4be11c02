"""A segment detector, in one stage, in the style of Faster-TAD (OPPO, 2022, arXiv 2411.00881)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FasterTad(nn.Module):
    """The mean of a replay joined to every frame before it, convolutions over time, and two numbers a frame.

    Frames and replay are projected alike, so that the mean may be taken after the projection. The dilation of the
    residual convolutions of 3 frames doubles from each to the next.

    Args:
        delays: rows before a replay in which its event may be.

    Attributes:
        delays: (delays,) the number of training replays that start 1, 2, … rows after their event.
    """

    delays: Tensor

    def __init__(self, width: int, *, delays: int, d_model: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("delays", torch.zeros(delays))
        self.embed = nn.Linear(width, d_model)
        self.join = nn.Linear(2 * d_model, d_model)
        self.layers = nn.ModuleList(
            nn.Conv1d(d_model, d_model, 3, padding=2**number, dilation=2**number) for number in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.predict = nn.Linear(d_model, 2)

    def forward(self, frames: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        """Look for each replay in the frames before it.

        Args:
            frames: (B, T, C).
            replays: clips (B, R, C), filled up at the end to the longest with zeros.
            padding: bool (B, R), true where a replay is filled up.

        Returns:
            Logits (B, T, 2): of the frame being in the segment, and of the part of the segment that is before it.
        """
        return self.head(self.embed(frames), self.embed(replays), padding)

    def head(self, frames: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        """As `forward`, on embedded frames (B, T, d_model) and (B, R, d_model): each frame needs `embed` only once."""
        mean = replays.masked_fill(padding[..., None], 0).sum(dim=1) / (~padding).sum(dim=1, keepdim=True)
        joined = torch.cat([frames, mean[:, None].expand_as(frames)], dim=2)  # (B, T, 2 d_model)
        tokens = F.relu(self.join(self.dropout(joined))).transpose(1, 2)  # (B, d_model, T)
        for layer in self.layers:
            tokens = tokens + self.dropout(F.relu(layer(tokens)))
        logits: Tensor = self.predict(tokens.transpose(1, 2))
        return logits
