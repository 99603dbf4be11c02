"""Losses of dense heads: of scores and of displacements, means over frames.

Sources: Soares et al. (2022) for the balanced and the Huber loss, Xarles et al. (2023) for the focal and the Gaussian
one, Hong et al. (2022) and Xarles et al. (2024) for the cross-entropy.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from soccerbench.specs.dense import BalancedBinary, CrossEntropy, Displacement, FocalBinary, Loss

HUBER_DELTA = 0.5  # of the radius


def score_loss(recipe: Loss, logits: Tensor, targets: Tensor, positives: Tensor) -> Tensor:
    """The loss of scores.

    Args:
        targets: the same, in [0, 1].
        positives: (K,) share of the training frames that are positives of each class, for the balanced one.
    """
    if isinstance(recipe, BalancedBinary):
        share = recipe.positive_share
        weights = targets * share / positives + (1 - targets) * (1 - share) / (1 - positives)
        return F.binary_cross_entropy_with_logits(logits, targets, weights)
    if isinstance(recipe, CrossEntropy):
        weights = logits.new_full((logits.shape[-1],), recipe.foreground_weight)
        weights[0] = 1
        return -(weights * targets * logits.log_softmax(dim=-1)).sum(dim=-1).mean()
    return recipe.weight * _focal(recipe, logits, targets).mean()


def best_constants(recipe: FocalBinary, shares: Tensor) -> Tensor:
    """The logits (K,) with the least loss among those that are the same for all frames.

    Args:
        shares: (K,) of the frames that are positives.

    Example:
        >>> plain = FocalBinary(kind="focal-binary", gamma=0, epsilon=1e-9, weight=1)
        >>> best_constants(plain, torch.tensor([0.5])).item()
        0.0
    """
    logits = torch.arange(-1200, 1201)[:, None] / 100
    return logits[_focal(recipe, logits, shares).argmin(dim=0), 0]


def best_log_variance(recipe: Displacement, frames_per_s: int) -> float:
    """The one with the least Gaussian loss of displacements of 0 that are uniform within the radius."""
    return math.log(0.3 / 0.7 * (recipe.radius_s * frames_per_s) ** 2 / 3)


def _focal(recipe: FocalBinary, logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, weighted down where the prediction is good; `epsilon` keeps its logarithms finite."""
    p, epsilon = logits.sigmoid(), recipe.epsilon
    hit = targets * (1 - p) ** recipe.gamma * (p + epsilon).log()
    miss = (1 - targets) * p**recipe.gamma * (1 - p + epsilon).log()
    return -(hit + miss)


def displacement_loss(
    recipe: Displacement,
    frames_per_s: int,
    *,
    predicted: Tensor,
    log_variance: Tensor | None = None,
    wanted: Tensor,
    near: Tensor,
) -> Tensor:
    """The loss of displacements, of the frames that are `near` an event.

    Args:
        frames_per_s: of the output.
        predicted: (B, T', 17 or 1), in frames.
        log_variance: the same, for the Gaussian one.
        wanted: the same, in frames.
        near: the same, 1 near an event and 0 elsewhere, between them after mix-up.
    """
    if recipe.loss == "gaussian":
        assert log_variance is not None
        each = 0.3 * (predicted - wanted) ** 2 / log_variance.exp() + 0.7 * log_variance
    elif recipe.loss == "huber":
        radius = recipe.radius_s * frames_per_s
        each = F.huber_loss(predicted / radius, wanted / radius, reduction="none", delta=HUBER_DELTA) / HUBER_DELTA
    else:
        each = (predicted - wanted) ** 2
    return torch.mean(near * each)
