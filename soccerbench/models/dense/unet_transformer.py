"""Dense anchors (Soares et al., 2022) with a transformer encoder in place of the U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from soccerbench.models.dense.anchors import DenseAnchors
from soccerbench.models.dense.contract import Layout


class EncoderTrunk(nn.Module):
    """Learned positions and a pre-norm encoder with GELU; a last norm after it."""

    def __init__(self, frames: int, *, d_model: int, heads: int, layers: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn(frames, d_model))
        layer = nn.TransformerEncoderLayer(
            d_model, heads, feedforward, dropout, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(d_model, eps=1e-6)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, d_model, T') to the same shape."""
        encoded: Tensor = self.encoder(frames.mT + self.positions)
        return encoded.mT


class UNetTransformer(DenseAnchors):
    """The U-Net's head with an encoder as its trunk, which separates the architecture from the dense anchors.

    Args:
        projections: widths of the first layers of each row; the last one leads to the encoder.
    """

    def __init__(self, layout: Layout, *, projections: Sequence[int], d_model: int, **sizes: Any) -> None:
        trunk = EncoderTrunk(layout.frames, d_model=d_model, **sizes)
        super().__init__(layout, projections=[*projections, d_model], trunk=trunk, head="unet_transformer")
