"""The temporal part of T-DEED (Xarles et al., 2024) on features: SGP layers (Shi et al., 2023) up and down."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soccerbench.models.dense.contract import DenseHead, DenseOutput, Layout, resample


class Gated(nn.Module):
    """The instant and the window branch of a scalable-granularity perception layer; all convolutions are depthwise.

    They are computed as two-dimensional ones of frames whose channels come last, which takes half the time on a CPU.

    Args:
        width: of the frames.
        kernel: frames of the short window, odd.
        ratio: of the long window to the short one.
    """

    def __init__(self, width: int, *, kernel: int, ratio: int) -> None:
        super().__init__()
        long = (kernel + 1) * ratio // 2 * 2 + 1
        self.norm = nn.LayerNorm(width)
        self.whole = nn.Linear(width, width)
        self.instant = nn.Conv1d(width, width, 1, groups=width)
        self.short = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.long = nn.Conv1d(width, width, long, padding=long // 2, groups=width)
        self.gate = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, width) to the same shape, with the frames added."""
        normed = self.norm(frames)
        instant = depthwise(self.instant, normed) * torch.relu(self.whole(normed.mean(dim=1, keepdim=True)))
        window = (depthwise(self.short, normed) + depthwise(self.long, normed)) * depthwise(self.gate, normed)
        return frames + instant + window


def depthwise(layer: nn.Conv1d, frames: Tensor) -> Tensor:
    """A depthwise convolution over the time of (B, T, width), to the same shape."""
    columns = frames[:, None].permute(0, 3, 1, 2)  # (B, width, 1, T), channels last in memory
    kernel = layer.weight[:, :, None]
    found = F.conv2d(columns, kernel, layer.bias, padding=(0, kernel.shape[-1] // 2), groups=len(kernel))
    return found.permute(0, 2, 3, 1)[:, 0]


class Mixed(nn.Module):
    """A layer of the encoder, or with a skip connection of the decoder: gated frames, joined, and a feed-forward part.

    Args:
        width: of the frames.
        inputs: 1 in the encoder, 2 in the decoder.
    """

    def __init__(self, width: int, inputs: int, *, kernel: int, ratio: int) -> None:
        super().__init__()
        self.gated = nn.ModuleList(Gated(width, kernel=kernel, ratio=ratio) for _ in range(inputs))
        self.join = nn.Identity() if inputs == 1 else nn.Linear(inputs * width, width)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, T, width) each, to the same."""
        frames: Tensor = self.join(torch.cat([gated(each) for gated, each in zip(self.gated, inputs, strict=True)], -1))
        fed: Tensor = self.feed(frames)
        return frames + fed


class Tdeed(DenseHead):
    """Rows projected, resampled, positions added, halved and doubled in time, classified frame by frame.

    Args:
        layout: what it has to fit; one displacement for all classes, or none.
        levels: halvings in time.
        kernel: frames of the short windows, odd.
        ratio: of the long windows to the short ones.
    """

    def __init__(self, layout: Layout, *, d_model: int, levels: int, kernel: int, ratio: int) -> None:
        super().__init__()
        if layout.displacements > 1:
            raise ValueError("tdeed predicts one displacement for all classes; set displacement.per_class: false")
        self.frames_per_row = layout.frames_per_row
        self.project = nn.Linear(layout.width, d_model)
        self.positions = nn.Parameter(torch.randn(layout.frames, d_model) / layout.frames)
        self.down = nn.ModuleList(Mixed(d_model, 1, kernel=kernel, ratio=ratio) for _ in range(levels))
        self.up = nn.ModuleList(Mixed(d_model, 2, kernel=kernel, ratio=ratio) for _ in range(levels))
        self.classify = nn.Linear(d_model, layout.outputs)
        self.displace = nn.Linear(d_model, 1) if layout.displacements else None

    def embed(self, features: Tensor) -> Tensor:
        """(…, C) to (…, d_model)."""
        projected: Tensor = self.project(features)
        return projected

    def decode(self, tokens: Tensor) -> DenseOutput:
        """Score chunks of embedded rows (B, T, d_model)."""
        frames = resample(tokens, self.frames_per_row) + self.positions
        skips = []
        for layer in self.down:
            skips.append(layer(frames))
            frames = F.max_pool1d(skips[-1].mT, 2, ceil_mode=True).mT
        for layer in self.up:
            skip = skips.pop()
            frames = layer(frames.repeat_interleave(2, dim=1)[:, : skip.shape[1]], skip)
        return DenseOutput(self.classify(frames), None if self.displace is None else self.displace(frames))
