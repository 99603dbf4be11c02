"""The two losses of CALF (Cioppa et al., 2020), as CALF-more-negative trains on them.

Conventions
    shifts    frames from the event, negative before it; a chunk without one is further than K4 everywhere
    k_frames  K1 < K2 < 0 < K3 < K4: far from the event beyond K1 and K4, near it between K2 and K3
    p         1 - segmentation, how surely a frame belongs to the action
    sums      over frames and chunks, not means

A far frame should have p = 0, the frame of the event p = 1. Both demands fade: the first from K1 to K2 and from K4 to
K3, the second from the event to K2 and to K3. What is within a margin costs nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TINY = 1e-7  # of a probability: keeps the cost of a saturated frame finite


def segmentation_loss(
    *,
    segmentation: Tensor,
    shifts: Tensor,
    k_frames: tuple[float, float, float, float] = (-40, -20, 20, 40),
    border_frames: int = 40,
    hit: float = 0.1,
    miss: float = 0.9,
) -> Tensor:
    """Context-aware loss, summed.

    Args:
        segmentation: (B, T, 1) in [0, 1], from the model.
        shifts: (B, T, 1), frames from the event.
        k_frames: K1 to K4.
        border_frames: frames at either end of a chunk that do not count; half the receptive field.
        hit: an event's frame costs nothing from p = 1 - hit on.
        miss: a far frame costs nothing up to p = 1 - miss.

    Raises:
        ValueError: `k_frames` out of order, or nothing left between the borders.
    """
    k1, k2, k3, k4 = k_frames
    if not k1 < k2 < 0 < k3 < k4:
        raise ValueError(f"k_frames {k_frames} are not K1 < K2 < 0 < K3 < K4")
    frames = segmentation.shape[1]
    if not 0 <= 2 * border_frames < frames:
        raise ValueError(f"borders of {border_frames} frames leave nothing of a chunk of {frames}; rate mixed up?")
    inside = slice(border_frames, frames - border_frames)
    off, shifts = segmentation[:, inside], shifts[:, inside]  # off = 1 - p
    far = torch.maximum((k2 - shifts) / (k2 - k1), (shifts - k3) / (k4 - k3)).clamp(0, 1)
    near = torch.minimum((shifts - k2) / -k2, (k3 - shifts) / k3).clamp(min=0)
    missed = (math.log(miss) - (1 - far * (1 - off)).clamp(min=TINY).log()).relu()
    unseen = (math.log(1 - hit) - (1 - near * off).clamp(min=TINY).log()).relu()
    return (missed + unseen).sum()


def spotting_loss(*, spotting: Tensor, targets: Tensor, coordinate: float = 5.0, no_object: float = 0.5) -> Tensor:
    """Squared errors, summed; the offset counts where there is an event.

    Args:
        spotting: (B, 1, 2), confidence and offset in [0, 1], from the model.
        targets: (B, 1, 2), 1 where the event is in the chunk else 0, and its offset.
        coordinate: weight of an offset's error.
        no_object: weight of a confidence's error where there is no event.
    """
    present = targets[..., 0]
    sure, placed = (spotting - targets).square().unbind(dim=-1)
    return (present * (sure + coordinate * placed) + (1 - present) * no_object * sure).sum()
