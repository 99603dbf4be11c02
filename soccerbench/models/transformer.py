"""The spotting transformer of the paper (section 3.1, figure 2a): an encoder over the frames of a chunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soccerbench.models.encoder import Encoder, sinusoids
from soccerbench.models.sliding import check_sliding, slide_head


class SpottingTransformer(nn.Module):
    """Frames projected, positions added, encoded, averaged over time, classified.

    The paper gives three layers, four heads, "hidden dimension" 64 and sine and cosine positions; the rest is assumed.

    Args:
        width: C, the width of the features.
        classes: events, background not counted.
        d_model: width of a token.
        heads: attention heads.
        layers: encoder layers.
        feedforward: hidden width of the feed-forward part.
        dropout: inside the layers and on the tokens.
    """

    def __init__(
        self,
        width: int,
        *,
        classes: int = 17,
        d_model: int = 64,
        heads: int = 4,
        layers: int = 3,
        feedforward: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(width, d_model)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(d_model=d_model, heads=heads, layers=layers, feedforward=feedforward, dropout=dropout)
        self.classify = nn.Linear(d_model, classes + 1)

    def forward(self, features: Tensor) -> Tensor:
        """Score chunks of features (B, T, C): logits (B, classes + 1), class 0 the background."""
        return self.head(self.embed(features))

    def head(self, tokens: Tensor) -> Tensor:
        """Score chunks of embedded frames (B, T, d_model): logits (B, classes + 1)."""
        placed = tokens + sinusoids(*tokens.shape[1:], like=tokens)
        logits: Tensor = self.classify(self.encoder(self.dropout(placed)).mean(dim=1))
        return logits

    @torch.no_grad()
    def slide(self, features: Tensor, window_frames: int) -> Tensor:
        """Score the window around every frame of a half (T, C), each frame projected once: logits (T, classes + 1).

        Raises:
            ValueError: the model is in training mode, `features` are not one half, or the window is empty.
        """
        check_sliding(self, features, window_frames)
        return slide_head(self.head, self.embed(features), window_frames)
