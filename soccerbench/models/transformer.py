"""The spotting transformer of the paper (section 3.1, figure 2a): an encoder over the frames of a chunk."""

from __future__ import annotations

from torch import Tensor, nn

from soccerbench.models.encoder import Encoder, sinusoids
from soccerbench.models.sliding import WindowHead


class SpottingTransformer(WindowHead):
    """Frames projected, positions added, encoded, averaged over time, classified.

    The paper gives three layers, four heads, "hidden dimension" 64 and sine and cosine positions; the rest is assumed.
    """

    def __init__(
        self, width: int, *, classes: int = 17, d_model: int, heads: int, layers: int, feedforward: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(width, d_model)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(d_model=d_model, heads=heads, layers=layers, feedforward=feedforward, dropout=dropout)
        self.classify = nn.Linear(d_model, classes + 1)

    def head(self, tokens: Tensor) -> Tensor:
        """Score chunks of embedded frames (B, T, d_model): logits (B, classes + 1)."""
        placed = tokens + sinusoids(*tokens.shape[1:], like=tokens)
        logits: Tensor = self.classify(self.encoder(self.dropout(placed)).mean(dim=1))
        return logits
