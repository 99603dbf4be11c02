"""Sliding a head over a half: centred windows clamped at the edges, and per-block standardisation in front of the head.

Source: the test loader of NetVLAD++ (sn-spotting, TemporallyAwarePooling).

Conventions
    centre   every frame of the half in turn, stride 1
    rows     centre - window_frames // 2 + (0, 1, ..., window_frames - 1): an even window holds one frame more before
             its centre than after, an odd one is symmetric
    edges    rows before the first frame repeat the first, rows after the last repeat the last
    official the official loader has no window centred on the last frame (199 windows from 200 frames); here it has one,
             so the official scores are all rows but the last
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def centred_windows(frames: int, window_frames: int, *, device: torch.device | None = None) -> Tensor:
    """Row numbers of the window around each frame of a half.

    Args:
        window_frames: length of a window, at least 1; it may be longer than the half.

    Returns:
        int64 (frames, window_frames), each in [0, frames).
    """
    if frames < 1 or window_frames < 1:
        raise ValueError(f"a half of {frames} frames and a window of {window_frames}: both need at least 1")
    centres = torch.arange(frames, device=device)[:, None]
    offsets = torch.arange(window_frames, device=device) - window_frames // 2
    return (centres + offsets).clamp(0, frames - 1)


def check_sliding(model: nn.Module, features: Tensor, window_frames: int, *, shortest: int = 1) -> None:
    """Check that sliding `model` over `features` gives valid scores."""
    if model.training:
        raise ValueError("sliding is inference, and the model is in training mode; call eval() first")
    if features.ndim != 2 or not len(features):
        raise ValueError(f"features have shape {tuple(features.shape)}, not (frames, width) of one half; a batch?")
    if window_frames < shortest:
        raise ValueError(f"a window of {window_frames} frames, at least {shortest} needed; seconds given as frames?")


def slide_head(
    head: Callable[[Tensor], Tensor], tokens: Tensor, window_frames: int, *, windows_per_batch: int = 256
) -> Tensor:
    """Run `head`, (B, window_frames, D) -> (B, N), on the window around each of the tokens (T, D): (T, N)."""
    rows = centred_windows(len(tokens), window_frames, device=tokens.device)
    return torch.cat([head(tokens[batch]) for batch in torch.split(rows, windows_per_batch)])


@torch.no_grad()
def slide(head: nn.Module, features: Tensor, window_frames: int) -> Tensor:
    """Score the window around every frame of a half (T, C): with the head's own `slide` or window by window."""
    own = getattr(head, "slide", None)
    if callable(own):
        scored: Tensor = own(features, window_frames)
        return scored
    return slide_head(head, features, window_frames)


class WindowHead(nn.Module):
    """A head in two parts: `embed` for each frame by itself, (…, C) to (…, D), and `head` for a window of them."""

    embed: Callable[[Tensor], Tensor]

    def head(self, tokens: Tensor) -> Tensor:
        """Score windows of embedded frames (B, T, D): logits (B, classes + 1)."""
        raise NotImplementedError

    def forward(self, features: Tensor) -> Tensor:
        """Score windows of features (B, T, C): logits (B, classes + 1), class 0 the background."""
        return self.head(self.embed(features))

    @torch.no_grad()
    def slide(self, features: Tensor, window_frames: int) -> Tensor:
        """Score the window around every frame of a half (T, C), each frame embedded once: logits (T, classes + 1).

        Raises:
            ValueError: the model is in training mode, `features` are not one half, or the window is empty.
        """
        check_sliding(self, features, window_frames)
        return slide_head(self.head, self.embed(features), window_frames)


class Standardised(nn.Module):
    """A head behind (features - mean) / deviation, one mean and one deviation a block.

    Args:
        head: takes features (B, T, C); its `slide` is used if it has one.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, head: nn.Module, *, widths: Sequence[int], means: Sequence[float], deviations: Sequence[float]
    ) -> None:
        super().__init__()
        repeats, width = torch.tensor(widths), sum(widths)
        self.head = head
        self.register_buffer("mean", torch.tensor(means).repeat_interleave(repeats, output_size=width))  # (C,)
        self.register_buffer("deviation", torch.tensor(deviations).repeat_interleave(repeats, output_size=width))

    def forward(self, features: Tensor) -> Tensor:
        """Score features (B, T, C)."""
        scored: Tensor = self.head(self.standardised(features))
        return scored

    def standardised(self, features: Tensor) -> Tensor:
        """Features (…, C) as the head sees them."""
        return (features - self.mean).div_(self.deviation)

    def slide(self, features: Tensor, window_frames: int) -> Tensor:
        """Score the window around every frame of a half (T, C)."""
        return slide(self.head, self.standardised(features), window_frames)
