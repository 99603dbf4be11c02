"""The video transformer network (Neimark et al., 2021): a ViT for each frame, a transformer over the frames.

Source: "Video Transformer Network", arXiv 2102.00719, and its public code for the sizes.

Departures from bomri/SlowFast, all of them. The first three are why its weights fill the ViT alone:
    attention  over all frames of a clip with one set of projections; there a frame attends to nine frames on either
               side and to the class token, and the class token to all, with separate query, key and value projections
    embedding  frame or class token plus position; there also a vector for the token's type, 1 for the class token and
               0 for a frame, then a layer norm and dropout
    hidden     the feature of the paper has 384 columns, which no public configuration has: it is taken to be the hidden
               layer of the head, 768 wide there
    positions  frames count 0, 1, 2, … from the clip's start and the class token takes the last row, 287; there a frame
               takes its number in the decoded video modulo 286, so that frames of a clip are eight apart, the class
               token takes row 286 and row 287 is padding
    norms      eps 1e-5 in the layers over time; there 1e-12. Both normalise after attention and after feed-forward
    dropout    also between the two layers of the feed-forward, where Longformer has none
    start      token and positions from N(0, 0.02), the rest as torch draws it; there the token from N(0, 1) and all of
               Longformer from N(0, 0.02)
    clip       see the row in `reproduce/table1.yaml`: 16 frames at 3 a second, on one grid for all windows
"""

from __future__ import annotations

from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from soccerbench.specs.video_models import VtnRow
from soccerbench.video.models.base import Extractor


class VTN(Extractor):
    """Frames through a ViT, their class tokens and positions through a transformer, its class token to the head.

    In the row, `layers`, `heads`, `feedforward` and `encoder_dropout` are those of the transformer over time; the last
    of the learned `positions` is the class token's.
    """

    def __init__(self, row: VtnRow) -> None:
        net: Any = vit(row.backbone, row.size)
        width = net.num_features
        if width % row.heads:
            raise ValueError(f"heads: {row.heads} do not divide the {width} columns of {row.backbone}")
        super().__init__(width=row.hidden, dropout=row.dropout, mean=row.mean, std=row.std)
        self.backbone = net
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.positions = nn.Parameter(0.02 * torch.randn(row.positions, width))
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, row.heads, row.feedforward, row.encoder_dropout, activation="gelu", batch_first=True
            )
            for _ in range(row.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, row.hidden)

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
    """A ViT for images of `size` pixels without its classifier, fresh weights."""
    model = timm.create_model(name, num_classes=0, img_size=size) if timm.is_model(name) else None
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"backbone {name!r}: timm knows no ViT of this name; give one such as vit_base_patch16_224")
    patch = int(model.patch_embed.patch_size[0])
    if size % patch:
        raise ValueError(f"size {size}: {name} needs a multiple of its patches, {patch} pixels")
    return model
