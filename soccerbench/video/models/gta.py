"""Global temporal attention (He et al., 2021), an approximation.

No code and no weights of GTA were released and the paper's sizes were not available: this is built from its abstract.
From there: attention over space first, then, apart from it, over time; the attention over time is not computed from
the clip but learned, one matrix T x T that all clips share; it acts on pixels and on regions that look alike; its heads
span channels. Ours, and so perhaps other than theirs: one such block after res4 of a SlowOnly, the non-local block
(Wang et al., 2018) as the attention over space, soft assignment of pixels to regions, all numbers.

Source: "GTA: Global Temporal Attention for Video Action Understanding", arXiv 2012.08510, abstract.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soccerbench.specs.video_models import GtaRow
from soccerbench.video.models.slowonly import SlowOnly


class GTA(SlowOnly):
    """A SlowOnly with attention over space and over time between its last two stages."""

    def __init__(self, row: GtaRow) -> None:
        super().__init__(row)
        channels, _ = self.channels
        self.over_space = SpatialAttention(channels)
        self.over_time = GlobalTemporalAttention(channels, row)

    def pooled(self, res4: Tensor) -> Tensor:
        """The last stage on what the attention makes of res4 (B, C4, T, h, w), averaged over space and time."""
        return super().pooled(self.over_time(self.over_space(res4)))


class SpatialAttention(nn.Module):
    """The non-local block within each frame, added to what comes in; nothing at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Conv3d(channels, channels // 2, 1) for _ in range(3))
        self.out = project_back(channels // 2, channels)

    def forward(self, stage: Tensor) -> Tensor:
        """(B, C, T, h, w) to the same."""
        query, key, value = (pixels(layer(stage)) for layer in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(query, key, value)  # (B, T, h·w, C / 2)
        shape = (stage.shape[0], stage.shape[1] // 2, *stage.shape[2:])
        change: Tensor = self.out(attended.permute(0, 3, 1, 2).reshape(shape))
        return stage + change


class GlobalTemporalAttention(nn.Module):
    """Learned attention over time on pixels and on regions, added to what comes in; nothing at first.

    The value's convolution mixes all channels before the heads share them out, so that a head spans channels. In the
    row, `temporal_heads` are learned matrices, each for an equal share of the C / 2 value channels, and `regions` those
    that the pixels of a frame are assigned to, softly and by how they look.
    """

    def __init__(self, channels: int, row: GtaRow) -> None:
        super().__init__()
        self.value = nn.Conv3d(channels, channels // 2, 1)
        self.assign = nn.Conv3d(channels, row.regions, 1)
        self.mix_pixels, self.mix_regions = (
            TemporalMixing(channels // 2, frames=row.clip.frames, heads=row.temporal_heads) for _ in range(2)
        )
        self.out = project_back(channels // 2, channels)

    def forward(self, stage: Tensor) -> Tensor:
        """(B, C, T, h, w) to the same."""
        values = self.value(stage).flatten(3)  # (B, C / 2, T, P), P = h·w
        scores = self.assign(stage).flatten(3).transpose(1, 2)  # (B, T, R, P)
        regions = torch.einsum("btrp,bctp->bctr", scores.softmax(dim=3), values)  # each the mean of its pixels
        regions = self.mix_regions(regions)
        spread = torch.einsum("btrp,bctr->bctp", scores.softmax(dim=2), regions)  # to each pixel by its regions
        mixed = self.mix_pixels(values) + spread
        change: Tensor = self.out(mixed.view(*mixed.shape[:3], *stage.shape[3:]))
        return stage + change


class TemporalMixing(nn.Module):
    """Frames as means of all frames, their weights learned and the same for every clip and place."""

    def __init__(self, channels: int, *, frames: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"temporal_heads: {heads} do not divide {channels} channels")
        self.weights = nn.Parameter(0.02 * torch.randn(heads, frames, frames))

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, T, P) to the same."""
        heads, frames, _ = self.weights.shape
        if values.shape[2] != frames:
            raise ValueError(f"clips of {values.shape[2]} frames; these weights were learned for {frames}")
        shared = values.view(len(values), heads, -1, *values.shape[2:])  # (B, heads, C / heads, T, P)
        mixed = self.weights.softmax(dim=2)[:, None] @ shared
        return mixed.flatten(1, 2)


def pixels(stage: Tensor) -> Tensor:
    """(B, C, T, h, w) as (B, T, h·w, C)."""
    return stage.flatten(3).permute(0, 2, 3, 1)


def project_back(channels: int, out: int) -> nn.Sequential:
    """A convolution 1 x 1 x 1 and a batch norm that starts at zero, so that a fresh block changes nothing."""
    norm = nn.BatchNorm3d(out)
    nn.init.zeros_(norm.weight)
    return nn.Sequential(nn.Conv3d(channels, out, 1, bias=False), norm)
