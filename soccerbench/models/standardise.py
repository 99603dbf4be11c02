"""Per-block standardisation in front of any head, its statistics kept with the weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from soccerbench.models.windows import slide_head


class Standardised(nn.Module):
    """A head behind (features - mean) / deviation, one mean and one deviation a block.

    Args:
        head: takes features (B, T, C); its `slide`, where it has one, is used for sliding.
        widths: of the blocks, C in all.
        means: one a block.
        deviations: one a block, positive.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, head: nn.Module, *, widths: Sequence[int], means: Sequence[float], deviations: Sequence[float]
    ) -> None:
        super().__init__()
        repeats = torch.tensor(widths)
        self.head = head
        self.register_buffer("mean", torch.tensor(means).repeat_interleave(repeats))  # (C,)
        self.register_buffer("deviation", torch.tensor(deviations).repeat_interleave(repeats))  # (C,)

    def forward(self, features: Tensor) -> Tensor:
        """Score features (B, T, C)."""
        scored: Tensor = self.head((features - self.mean) / self.deviation)
        return scored

    def slide(self, features: Tensor, window_frames: int) -> Tensor:
        """Score the window around every frame of a half (T, C)."""
        return slide(self.head, (features - self.mean) / self.deviation, window_frames)


@torch.no_grad()
def slide(head: nn.Module, features: Tensor, window_frames: int) -> Tensor:
    """Score the window around every frame of a half (T, C): by the head's own `slide`, or else window by window."""
    own = getattr(head, "slide", None)
    if callable(own):
        scored: Tensor = own(features, window_frames)
        return scored
    return slide_head(head, features, window_frames)
