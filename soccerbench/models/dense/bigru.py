"""The bidirectional GRU of E2E-Spot (Hong et al., 2022) on features: the cheapest dense head."""

from __future__ import annotations

from torch import Tensor, nn

from soccerbench.models.dense.contract import DenseHead, DenseOutput, Layout, resample


class BiGru(DenseHead):
    """Rows projected, resampled, read forwards and backwards, classified frame by frame.

    The projection is ours: the published head reads the features of its own video network, as wide as its GRU.

    Args:
        layout: what it has to fit; it has no displacement.
        hidden: width of the projection and of each direction.
    """

    def __init__(self, layout: Layout, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        if layout.displacements:
            raise ValueError("bigru predicts no displacement; set displacement: null")
        self.frames_per_row = layout.frames_per_row
        self.project = nn.Linear(layout.width, hidden)
        self.gru = nn.GRU(hidden, hidden, num_layers=layers, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * hidden, layout.outputs)

    def embed(self, features: Tensor) -> Tensor:
        """(…, C) to (…, hidden)."""
        projected: Tensor = self.project(features)
        return projected

    def decode(self, tokens: Tensor) -> DenseOutput:
        """Score chunks of embedded rows (B, T, hidden)."""
        states, _ = self.gru(resample(tokens, self.frames_per_row))  # (B, T', 2·hidden)
        return DenseOutput(self.classify(self.dropout(states)))
