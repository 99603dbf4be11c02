"""irCSN: an interaction-reduced channel-separated network (Tran et al., 2019).

Sources: "Video Classification with Channel-Separated Convolutional Networks", ICCV 2019, section 4, and the authors'
VMZ for strides and batch norms; the parameters are counted in the tests. It has no counterpart for images: its
3 x 3 x 3 convolutions do not mix channels, so that no ResNet's weights fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from soccerbench.specs.video_models import IrCsnRow
from soccerbench.video.models.base import Extractor

DEPTHS = {
    "resnet14": (1, 1, 1, 1),
    "resnet26": (2, 2, 2, 2),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
EXPANSION = 4
EPS = 1e-3


class IrCSN(Extractor):
    """A ResNet of bottlenecks whose middle convolutions are depthwise in space and time.

    The row's backbone is the ResNet that it has the number of blocks of, such as "resnet152".
    """

    def __init__(self, row: IrCsnRow) -> None:
        if row.backbone not in DEPTHS:
            raise ValueError(f"backbone {row.backbone!r}: irCSN needs bottlenecks; give one of {', '.join(DEPTHS)}")
        super().__init__(width=512 * EXPANSION, dropout=row.dropout, mean=row.mean, std=row.std)
        self.stem = nn.Sequential(
            nn.Conv3d(3, 64, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(64, eps=EPS),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        channels = 64
        stages = []
        for stage, depth in enumerate(DEPTHS[row.backbone]):
            middle = 64 * 2**stage
            for block in range(depth):
                stages.append(Bottleneck(channels, middle, stride=2 if stage and not block else 1))
                channels = middle * EXPANSION
        self.blocks = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def per_frame(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), normalised: its first convolution spans three frames, so that no more can be shared."""
        return self.normalise(images)

    def per_clip(self, frames: Tensor) -> Tensor:
        """The features (B, 2048) of normalised frames (B, T, 3, H, W)."""
        clip = frames.transpose(1, 2)  # (B, 3, T, H, W)
        if clip.device.type == "cpu":  # depthwise convolutions are half as quick again there, on a GPU half as quick
            clip = clip.contiguous(memory_format=torch.channels_last_3d)
        res5: Tensor = self.blocks(self.stem(clip))  # (B, 2048, T / 8, H / 32, W / 32)
        return res5.mean(dim=(2, 3, 4))


class Bottleneck(nn.Module):
    """1 x 1 x 1 mixes channels, depthwise 3 x 3 x 3 space and time, 1 x 1 x 1 channels again, plus a shortcut."""

    def __init__(self, channels: int, middle: int, *, stride: int) -> None:
        super().__init__()
        out = middle * EXPANSION
        self.branch = nn.Sequential(
            nn.Conv3d(channels, middle, 1, bias=False),
            nn.BatchNorm3d(middle, eps=EPS),
            nn.ReLU(inplace=True),
            nn.Conv3d(middle, middle, 3, stride=stride, padding=1, groups=middle, bias=False),
            nn.BatchNorm3d(middle, eps=EPS),
            nn.ReLU(inplace=True),
            nn.Conv3d(middle, out, 1, bias=False),
            nn.BatchNorm3d(out, eps=EPS),
        )
        self.shortcut = nn.Sequential()
        if channels != out or stride > 1:
            project = nn.Conv3d(channels, out, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm3d(out, eps=EPS))

    def forward(self, clip: Tensor) -> Tensor:
        """(B, channels, T, H, W) to (B, 4 · middle, T, H, W), each of T, H, W divided by the stride."""
        mixed: Tensor = self.branch(clip) + self.shortcut(clip)
        return mixed.relu_()
