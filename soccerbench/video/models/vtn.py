"""The video transformer network (Neimark et al., 2021): a ViT for each frame, a transformer over the frames.

Source: "Video Transformer Network", arXiv 2102.00719, and its public code for the sizes.

Two departures. Its Longformer attends within a sliding window of 18 frames, which spares memory on long videos; a clip
of 16 frames lies within that window almost whole, so that plain attention over all frames is nearly the same and needs
no further package. And the paper's feature has 384 columns, which no public configuration of VTN has: it is taken to be
the hidden layer of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from soccerbench.video.models.base import CLASSES, Extractor


class VTN(Extractor):
    """Frames through a ViT, their class tokens and positions through a transformer, its class token to the head.

    Args:
        backbone: the ViT for images, as timm knows it.
        size: H and W of an image in pixels.
        layers: of the transformer over time.
        heads: of its attention.
        feedforward: hidden width of its feed-forward part.
        positions: learned ones; the last is the class token's.
        encoder_dropout: inside its layers.
        hidden: width of the head's hidden layer, the feature.
        classes: of the classifier.
        dropout: before the classifier.
        mean: of red, green and blue, as fractions of 255.
        std: their standard deviations.
    """

    def __init__(
        self,
        *,
        backbone: str,
        size: int,
        layers: int,
        heads: int,
        feedforward: int,
        positions: int,
        encoder_dropout: float,
        hidden: int,
        dropout: float,
        mean: Sequence[float],
        std: Sequence[float],
        classes: int = CLASSES,
    ) -> None:
        net: Any = vit(backbone, size)
        width = net.num_features
        if width % heads:
            raise ValueError(f"heads: {heads} do not divide the {width} columns of {backbone}")
        super().__init__(width=hidden, classes=classes, dropout=dropout, mean=mean, std=std)
        self.backbone = net
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.positions = nn.Parameter(0.02 * torch.randn(positions, width))
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, feedforward, encoder_dropout, activation="gelu", batch_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden)

    def per_frame(self, images: Tensor) -> Tensor:
        """The ViT's class tokens of images (N, 3, H, W): (N, D)."""
        tokens: Tensor = self.backbone(self.normalise(images))
        return tokens

    def per_clip(self, frames: Tensor) -> Tensor:
        """The features (B, hidden) of the class tokens of frames (B, T, D)."""
        clips, length, _ = frames.shape
        token = (self.token + self.positions[-1]).expand(clips, 1, -1)
        tokens = torch.cat([token, frames + self.positions[:length]], dim=1)  # (B, 1 + T, D)
        for layer in self.encoder:
            tokens = layer(tokens)
        return F.gelu(self.hidden(self.norm(tokens[:, 0])))


def vit(name: str, size: int) -> VisionTransformer:
    """A ViT for images of `size` pixels without its classifier, fresh weights.

    Raises:
        ValueError: timm has no plain ViT of this name, or its patches do not fill the image.
    """
    model = timm.create_model(name, num_classes=0, img_size=size) if timm.is_model(name) else None
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"backbone {name!r}: timm knows no ViT of this name; give one such as vit_base_patch16_224")
    patch = int(model.patch_embed.patch_size[0])
    if size % patch:
        raise ValueError(f"size {size}: {name} needs a multiple of its patches, {patch} pixels")
    return model
