"""What every dense head takes and gives.

Conventions
    chunk         (B, T, C), T feature rows
    frames        T' = T · frames_per_row, evenly spaced over the time of the chunk
    scores        logits (B, T', K); with K = 18 output 0 is the background
    displacement  (B, T', K or 1) in frames, from a frame to its event, positive where the event is later
    embed         what a head does to each feature row by itself, (…, C) to (…, D); computed once for overlapping chunks
    decode        the rest, (B, T, D) to scores
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layout(NamedTuple):
    """What a dense head has to fit; its other arguments are the sizes in a row's `architecture`."""

    widths: tuple[int, ...]  # of the feature blocks, C in all
    rows: int  # T, feature rows in a chunk
    frames_per_row: int  # 1 or 2
    outputs: int  # K
    displacements: int  # predicted for each frame: 0, 1, or 17 for one a class

    @property
    def width(self) -> int:
        """C."""
        return sum(self.widths)

    @property
    def frames(self) -> int:
        """T'."""
        return self.rows * self.frames_per_row


class DenseOutput(NamedTuple):
    """What a dense head gives for chunks; `log_variance` is that of the displacement, where a head learns it."""

    scores: Tensor
    displacement: Tensor | None = None
    log_variance: Tensor | None = None


class DenseHead(nn.Module):
    """A head in two parts, `embed` and `decode`."""

    def begin(self, scores: Tensor, log_variance: float) -> None:
        """Start training from the best constants; unless a head overrides this, from its layers as they were drawn.

        Args:
            scores: (K,) logits.
            log_variance: of the displacement in frames.
        """

    def embed(self, features: Tensor) -> Tensor:
        """Feature rows (…, C) as tokens (…, D), each row by itself."""
        raise NotImplementedError

    def decode(self, tokens: Tensor) -> DenseOutput:
        """Score chunks of embedded rows (B, T, D)."""
        raise NotImplementedError

    def forward(self, features: Tensor) -> DenseOutput:
        """Score chunks of features (B, T, C)."""
        return self.decode(self.embed(features))


class Apart(DenseHead):
    """Two heads that were trained apart: one scores, the other's scores are the displacement, in `decode` alone.

    Args:
        displacement: its scores, squashed by a tanh, are shares of the radius.
        radius_frames: the largest displacement.
    """

    def __init__(self, scores: DenseHead, displacement: DenseHead, *, radius_frames: float) -> None:
        super().__init__()
        self.scores, self.displacement, self.radius_frames = scores, displacement, radius_frames

    def forward(self, features: Tensor) -> DenseOutput:
        """The scores alone, which are what is left to train."""
        return DenseOutput(self.scores(features).scores)

    def embed(self, features: Tensor) -> Tensor:
        """The tokens of both, next to each other."""
        return torch.cat([self.scores.embed(features), self.displacement.embed(features)], dim=-1)

    def decode(self, tokens: Tensor) -> DenseOutput:
        """The scores of the one and the displacement of the other."""
        mine, other = tokens.chunk(2, dim=-1)
        displacement = self.displacement.decode(other).scores.tanh() * self.radius_frames
        return DenseOutput(self.scores.decode(mine).scores, displacement)


def resample(rows: Tensor, times: int) -> Tensor:
    """`times` (1 or 2) frames for each row of (B, T, D), by linear interpolation, extrapolated at both ends.

    Row k is at second k + 1/2 and frame n at (2n + 1)/4: the two frames of a row are a quarter of a row before and
    after it. It commutes with an affine layer, so that heads do it after their first one, which is smaller.
    """
    if times == 1:
        return rows
    if rows.shape[1] == 1:
        return rows.expand(-1, 2, -1)
    first, last = 2 * rows[:, :1] - rows[:, 1:2], 2 * rows[:, -1:] - rows[:, -2:-1]
    padded = torch.cat([first, rows, last], dim=1)
    earlier = torch.lerp(rows, padded[:, :-2], 0.25)
    later = torch.lerp(rows, padded[:, 2:], 0.25)
    return torch.stack([earlier, later], dim=2).flatten(1, 2)
