"""I3D-Slow: the slow pathway of SlowFast alone (Feichtenhofer et al., 2019), and the backbone that TPN and GTA share.

Sources: SlowFast, section 3.1 and table 1; GluonCV's `i3d_slow_resnet101` and MMAction's `slowonly_r101_8x8x1` for the
layers, whose parameters are counted in the tests.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from soccerbench.specs.video_models import GtaRow, SlowOnlyRow, TpnRow
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.inflation import inflate, resnet


class SlowOnly(Extractor):
    """Frames far apart through a deep ResNet, averaged over space and time.

    Its last two stages see time: the first convolution of each of their blocks spans three frames. Its stem and first
    two stages have no extent in time and stay two-dimensional.
    """

    def __init__(self, row: SlowOnlyRow | TpnRow | GtaRow) -> None:
        net: Any = resnet(row.backbone)
        for stage in (net.layer3, net.layer4):
            inflate(stage, taps={"conv1": 3})
        channels = [info["num_chs"] for info in net.feature_info[-2:]]
        super().__init__(width=channels[1], dropout=row.dropout, mean=row.mean, std=row.std)
        self.backbone: Any = net
        self.channels: list[int] = channels  # of res4 and res5

    def per_frame(self, images: Tensor) -> Tensor:
        """Stem, res2 and res3 of images (N, 3, H, W): (N, C3, H / 8, W / 8)."""
        net = self.backbone
        stem = net.maxpool(net.act1(net.bn1(net.conv1(self.normalise(images)))))  # (N, 64, H / 4, W / 4)
        frames: Tensor = net.layer2(net.layer1(stem))
        return frames

    def per_clip(self, frames: Tensor) -> Tensor:
        """The features (B, width) of frames (B, T, C3, h, w)."""
        return self.pooled(self.res4(frames))

    def res4(self, frames: Tensor) -> Tensor:
        """The stage after `per_frame`: (B, T, C3, h, w) to (B, C4, T, h / 2, w / 2)."""
        stage: Tensor = self.backbone.layer3(frames.transpose(1, 2))
        return stage

    def res5(self, res4: Tensor) -> Tensor:
        """The last stage: (B, C4, T, h, w) to (B, C5, T, h / 2, w / 2)."""
        stage: Tensor = self.backbone.layer4(res4)
        return stage

    def pooled(self, res4: Tensor) -> Tensor:
        """What follows on res4 (B, C4, T, h, w), averaged over space and time: (B, C5)."""
        return self.res5(res4).mean(dim=(2, 3, 4))
