"""The dense-anchor U-Net of Soares et al. (2022)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soccerbench.models.dense.anchors import DenseAnchors
from soccerbench.models.dense.contract import Layout


class Bottleneck(nn.Module):
    """A pre-activated bottleneck block (He et al., 2016) over time, without batch norm.

    Args:
        width: out; a convolution of kernel 1 is the shortcut where it differs.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        inner = width // 4
        self.reduce = nn.Conv1d(channels, inner, 1)
        self.convolve = nn.Conv1d(inner, inner, 3, padding=1)
        self.expand = nn.Conv1d(inner, width, 1)
        self.shortcut = nn.Identity() if channels == width else nn.Conv1d(channels, width, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, channels, T) to (B, width, T)."""
        inner = frames
        for layer in (self.reduce, self.convolve, self.expand):
            inner = layer(torch.relu(inner))
        shortcut: Tensor = self.shortcut(frames)
        return shortcut + inner


class Trunk(nn.Module):
    """Levels of two blocks, halved in time on the way down; on the way up the level of the same length is added.

    Args:
        widths: of the levels, the first that of the input.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        before = [widths[0], *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(Bottleneck(channels, width), Bottleneck(width, width))
            for channels, width in zip(before, widths, strict=True)
        )
        self.widen = nn.ModuleList(nn.ConvTranspose1d(deeper, width, 2, stride=2) for width, deeper in pairwise(widths))
        self.up = nn.ModuleList(
            nn.Sequential(Bottleneck(width, width), Bottleneck(width, width)) for width in widths[:-1]
        )

    def forward(self, frames: Tensor) -> Tensor:
        """(B, widths[0], T) to the same; T that cannot be halved often enough is filled up with its last frame."""
        length, multiple = frames.shape[-1], 2 ** len(self.up)
        frames = F.pad(frames, (0, -length % multiple), mode="replicate")
        levels = []
        for number, blocks in enumerate(self.down):
            frames = blocks(F.max_pool1d(frames, 2) if number else frames)
            levels.append(frames)
        for number in reversed(range(len(self.up))):
            frames = self.up[number](levels[number] + self.widen[number](frames))
        return frames[..., :length]


class UNet(DenseAnchors):
    """A U-Net over the frames of a chunk.

    Args:
        projections: widths of the first layers of each row; the last one leads to the first level.
    """

    def __init__(self, layout: Layout, *, projections: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__(layout, projections=[*projections, widths[0]], trunk=Trunk(widths), head="unet")
