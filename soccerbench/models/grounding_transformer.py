"""The grounding transformer of the paper (section 3.2.2, figure 2b): a chunk and a replay encoded as one sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soccerbench.models.encoder import Encoder, sinusoids


class GroundingTransformer(nn.Module):
    """Frames of both clips projected, marked by clip and position, encoded together, averaged, turned into two numbers.

    The paper gives four layers, sine and cosine positions and the two outputs; the rest is assumed. Positions count
    from the start of either clip, so that a replay does not depend on the length of the chunk it is joined to.
    """

    def __init__(self, width: int, *, d_model: int, heads: int, layers: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(width, d_model)
        self.segments = nn.Parameter(0.02 * torch.randn(2, d_model))  # candidate, replay
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder(d_model=d_model, heads=heads, layers=layers, feedforward=feedforward, dropout=dropout)
        self.predict = nn.Linear(d_model, 2)

    def forward(self, candidates: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        """Look for each replay in its candidate.

        Args:
            candidates: chunks (B, T, C).
            replays: clips (B, R, C), filled up at the end to the longest with anything finite.
            padding: bool (B, R), true where a replay is filled up.

        Returns:
            Logits (B, 2): of the event being in the chunk, and of its offset from the chunk's first frame to its last.
            Their sigmoids are in [0, 1].
        """
        return self.head(self.embed(candidates), self.embed(replays), padding)

    def head(self, candidates: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        """As `forward`, on embedded frames (B, T, d_model) and (B, R, d_model): each frame needs `embed` only once."""
        tokens = self.dropout(
            torch.cat([self._mark(candidates, 0), self._mark(replays, 1)], dim=1)
        )  # (B, T + R, d_model)
        absent = torch.cat([padding.new_zeros(candidates.shape[:2]), padding], dim=1)  # (B, T + R)
        encoded = self.encoder(tokens, absent).masked_fill(absent.unsqueeze(-1), 0)
        pooled = encoded.sum(dim=1) / (~absent).sum(dim=1, keepdim=True)  # (B, d_model)
        logits: Tensor = self.predict(pooled)
        return logits

    def _mark(self, clip: Tensor, segment: int) -> Tensor:
        """Embedded frames of a clip (B, T, d_model) with its segment and their positions added."""
        return clip + self.segments[segment] + sinusoids(*clip.shape[1:], like=clip)
