"""The temporal pyramid network (Yang et al., 2020): two stages of one backbone, each at another tempo.

Sources: "Temporal Pyramid Network for Action Recognition", CVPR 2020, section 3, and the configurations that were
released with it, for the sizes; their parameters are counted in the tests.

    res4, res5 ─► spatial modulation ─► temporal modulation ─► top-down flow  ─► fusion ─┐
                  (one size, width)     (one tempo a level)    bottom-up flow ─► fusion ─┴► joined, pooled
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soccerbench.specs.video_models import TpnRow
from soccerbench.video.models.base import CLASSES
from soccerbench.video.models.slowonly import SlowOnly

GROUPS = 32


class TPN(SlowOnly):
    """A SlowOnly, the pyramid on its last two stages, and in training a second classifier on res4.

    In the row, `pools` are the frames joined into one on the level of res4 and of res5. `flows: cascade` starts the
    bottom-up flow from the output of the top-down flow, as the released code does because both work in one list;
    `parallel` starts both from the modulated levels, as the paper draws it. The dropout is that of both classifiers.
    """

    def __init__(self, row: TpnRow) -> None:
        super().__init__(row)
        self.neck = Pyramid(self.channels, row)
        self.auxiliary = AuxiliaryHead(self.channels[0], dropout=row.dropout)
        self.auxiliary_weight = row.auxiliary_weight
        initialise(self.classify)

    def loss(self, clips: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of clips (B, T, 3, H, W) of classes (B,), and the weighted one on res4."""
        res4 = self.res4(self.frames(clips))
        logits = self.classify(self.dropout(self.pooled(res4)))
        auxiliary = F.cross_entropy(self.auxiliary(res4), targets)
        return F.cross_entropy(logits, targets) + self.auxiliary_weight * auxiliary

    def pooled(self, res4: Tensor) -> Tensor:
        """What the neck makes of res4 (B, C4, T, h, w) and of res5, averaged over space and time: (B, C5)."""
        joined: Tensor = self.neck(res4, self.res5(res4))
        return joined.mean(dim=(2, 3, 4))


class Pyramid(nn.Module):
    """The neck: two levels of C4 and C5 channels, modulated, exchanged both ways, joined; C5 is twice C4."""

    def __init__(self, channels: list[int], row: TpnRow) -> None:
        super().__init__()
        res4, res5 = channels
        level = res5 // 2
        self.ratio = row.pools[1] // row.pools[0]
        self.is_cascade = row.flows == "cascade"
        self.spatial = conv_norm(res4, res5, (1, 3, 3), stride=2)
        self.temporal = nn.ModuleList(TemporalModulation(res5, level, pool) for pool in row.pools)
        self.down = nn.Conv3d(level, level, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.top_down = LevelFusion(level, res5, ratio=self.ratio)
        self.bottom_up = LevelFusion(level, res5, ratio=self.ratio)
        self.join = conv_norm(2 * res5, res5, (1, 1, 1))
        initialise(self)

    def forward(self, res4: Tensor, res5: Tensor) -> Tensor:
        """Join (B, C4, T, 2h, 2w) and (B, C5, T, h, w) into (B, C5, T', h, w), T' frames as on the slow level."""
        fast = self.temporal[0](self.spatial(res4))  # (B, C5 / 2, T / pool, h, w)
        slow = self.temporal[1](res5)
        raised = fast + slow.repeat_interleave(self.ratio, dim=2)[:, :, : fast.shape[2]]
        from_top = self.top_down(raised, slow)
        lower = raised if self.is_cascade else fast
        from_bottom = self.bottom_up(lower, slow + shorten(self.down(lower), self.ratio))
        joined: Tensor = self.join(torch.cat([from_top, from_bottom], dim=1))
        return joined


class TemporalModulation(nn.Module):
    """A level brought to its tempo: a grouped convolution over three frames, then the largest of `pool` frames."""

    def __init__(self, channels: int, level: int, pool: int) -> None:
        super().__init__()
        self.convolve = nn.Conv3d(channels, level, (3, 1, 1), padding=(1, 0, 0), groups=GROUPS, bias=False)
        self.pool = pool

    def forward(self, stage: Tensor) -> Tensor:
        """(B, C, T, h, w) to (B, level, T / pool, h, w)."""
        return shorten(self.convolve(stage), self.pool)


class LevelFusion(nn.Module):
    """Both levels at the slower tempo, each through a grouped convolution, joined by another one."""

    def __init__(self, level: int, channels: int, *, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.levels = nn.ModuleList(conv_norm(level, level, (1, 1, 1), groups=GROUPS) for _ in range(2))
        self.join = conv_norm(2 * level, channels, (1, 1, 1))

    def forward(self, fast: Tensor, slow: Tensor) -> Tensor:
        """(B, level, r·T', h, w) and (B, level, T', h, w) to (B, C, T', h, w)."""
        levels = [self.levels[0](shorten(fast, self.ratio)), self.levels[1](slow)]
        joined: Tensor = self.join(torch.cat(levels, dim=1))
        return joined


class AuxiliaryHead(nn.Module):
    """A classifier on res4 that keeps its features meaningful; in training alone."""

    def __init__(self, channels: int, *, dropout: float) -> None:
        super().__init__()
        self.convolve = conv_norm(channels, 2 * channels, (1, 3, 3), stride=2)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * channels, CLASSES)
        initialise(self)

    def forward(self, res4: Tensor) -> Tensor:
        """Score clips by their res4 (B, C4, T, h, w): logits (B, classes)."""
        logits: Tensor = self.classify(self.dropout(self.convolve(res4).mean(dim=(2, 3, 4))))
        return logits


def conv_norm(
    channels: int, out: int, kernel: tuple[int, int, int], *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, `stride` in space alone, a batch norm and a ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    convolve = nn.Conv3d(channels, out, kernel, stride=(1, stride, stride), padding=padding, groups=groups, bias=False)
    return nn.Sequential(convolve, nn.BatchNorm3d(out), nn.ReLU(inplace=True))


def shorten(level: Tensor, pool: int) -> Tensor:
    """The largest of every `pool` frames (B, C, T, h, w); the last group may be smaller."""
    return F.max_pool3d(level, (pool, 1, 1), ceil_mode=True)


def initialise(module: nn.Module) -> None:
    """Fresh layers as in the released code: convolutions by Xavier's uniform draw, linear ones from N(0, 0.01)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d):
            nn.init.xavier_uniform_(layer.weight)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
