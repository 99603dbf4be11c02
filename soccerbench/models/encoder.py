"""A transformer encoder over time (Vaswani et al., 2017) with sine and cosine positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def sinusoids(frames: int, width: int, *, like: Tensor) -> Tensor:
    """Positions 0 to frames - 1 as (frames, width), sines in the even columns and cosines in the odd ones.

    Args:
        like: a tensor whose device and type the positions take.
    """
    exponents = torch.arange(0, width, 2, device=like.device, dtype=torch.float64) / width
    angles = torch.arange(frames, device=like.device)[:, None] / 10_000**exponents  # (frames, width / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(like.dtype)


class Encoder(nn.Module):
    """Encoder layers, each initialised separately (nn.TransformerEncoder copies the first)."""

    def __init__(self, *, d_model: int, heads: int, layers: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(d_model, heads, feedforward, dropout, batch_first=True) for _ in range(layers)
        )

    def forward(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        """Encode tokens (B, T, d_model); where `padding` (B, T) is true a token is not attended to."""
        for layer in self.layers:
            tokens = layer(tokens, src_key_padding_mask=padding)
        return tokens
