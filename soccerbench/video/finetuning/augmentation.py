"""What a training clip may differ in from its snippet: when it begins, what is cut out, left and right, colour.

Everything is drawn from the generator that is passed in, and always the same number of draws a clip, so that switching
one off leaves the others as they were.

Conventions
    flip    left and right are swapped and the label stays: no event is defined by its direction, and the
            home side attacks either goal
    crop    a square of at least `crop` times the short side, scaled back to the short side
    colour  brightness, contrast and saturation, each by a factor in [1 - colour, 1 + colour]
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from soccerbench.specs.video_models import Augmentation

DRAWS = 8  # a clip
GREY = torch.tensor([0.299, 0.587, 0.114])  # shares of red, green and blue in brightness, ITU-R BT.601


def augment(frames: NDArray[np.uint8], length: int, strength: Augmentation, rng: np.random.Generator) -> Tensor:
    """Draw one clip (length, 3, S, S), uint8, S the shorter of H and W.

    Args:
        frames: (T, H, W, 3) RGB, T at least `length`: frames before and after the clip may be drawn into it.
    """
    when, how_large, down, right, flip, *colours = rng.random(DRAWS).tolist()
    height, width = frames.shape[1:3]
    short = min(height, width)
    side = round(short * (strength.crop + (1 - strength.crop) * how_large))
    begin, top, left = (
        int(draw * (free + 1))
        for draw, free in zip((when, down, right), (len(frames) - length, height - side, width - side), strict=True)
    )
    brightness, contrast, saturation = (1 + strength.colour * (2 * draw - 1) for draw in colours)
    clip = to_clip(frames[begin : begin + length, top : top + side, left : left + side]).float()
    if side < short:
        clip = F.interpolate(clip, size=(short, short), mode="bilinear", align_corners=False)
    if flip < strength.flip:
        clip = clip.flip(-1)
    return recolour(clip, brightness, contrast, saturation).round_().clamp_(0, 255).to(torch.uint8)


def recolour(clip: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """Scale the brightness of a clip (T, 3, H, W), then its distance to its mean grey, then that to its own grey."""
    clip = clip * brightness
    grey = torch.einsum("tchw,c->thw", clip, GREY)
    mean = grey.mean()
    clip = mean + contrast * (clip - mean)
    grey = (mean + contrast * (grey - mean)).unsqueeze(1)
    return grey + saturation * (clip - grey)


def to_clip(frames: NDArray[np.uint8]) -> Tensor:
    """Pictures (T, H, W, 3) as a clip (T, 3, H, W), uint8."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
