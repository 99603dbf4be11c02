"""Each loss against a slow literal one, its value and its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from soccerbench.specs.dense import BalancedBinary, CrossEntropy, Displacement, FocalBinary, Loss
from soccerbench.tasks.dense.losses import best_constants, best_log_variance, displacement_loss, score_loss

B, T = 2, 3
POSITIVES = np.linspace(0.01, 0.2, 17)


def balanced(x: Tensor, t: Tensor) -> Tensor:
    """N·0.03/N_pos for positives and N·0.97/N_neg for negatives."""
    total = torch.zeros(())
    for b, n, k in np.ndindex(B, T, 17):
        p = 1 / (1 + torch.exp(-x[b, n, k]))
        weight = t[b, n, k] * 0.03 / POSITIVES[k] + (1 - t[b, n, k]) * 0.97 / (1 - POSITIVES[k])
        total = total - weight * (t[b, n, k] * torch.log(p) + (1 - t[b, n, k]) * torch.log(1 - p))
    return total / (B * T * 17)


def weighted(x: Tensor, t: Tensor) -> Tensor:
    """Softmax, the events five times the background."""
    total = torch.zeros(())
    for b, n in np.ndindex(B, T):
        for k in range(18):
            weight = 1 if k == 0 else 5
            p = torch.exp(x[b, n, k]) / torch.exp(x[b, n]).sum()
            total = total - weight * t[b, n, k] * torch.log(p)
    return total / (B * T)


def focal(x: Tensor, t: Tensor) -> Tensor:
    """100 times, with gamma 1 and epsilon 7e-5."""
    total = torch.zeros(())
    for b, n, k in np.ndindex(B, T, 18):
        p = 1 / (1 + torch.exp(-x[b, n, k]))
        total = total - t[b, n, k] * (1 - p) * torch.log(p + 7e-5)
        total = total - (1 - t[b, n, k]) * p * torch.log(1 - p + 7e-5)
    return 100 * total / (B * T * 18)


@pytest.mark.parametrize(
    ("recipe", "reference", "outputs"),
    [
        (BalancedBinary(kind="balanced-binary", positive_share=0.03), balanced, 17),
        (CrossEntropy(kind="cross-entropy", foreground_weight=5), weighted, 18),
        (FocalBinary(kind="focal-binary", gamma=1, epsilon=7e-5, weight=100), focal, 18),
    ],
)
def test_scores(recipe: Loss, reference: Callable[[Tensor, Tensor], Tensor], outputs: int) -> None:
    logits = torch.randn(B, T, outputs, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(B, T, outputs, dtype=torch.float64)  # soft, as after mix-up
    mine, slow = score_loss(recipe, logits, targets, torch.from_numpy(POSITIVES)), reference(logits, targets)
    assert mine.item() == pytest.approx(slow.item(), rel=1e-12)
    gradients = (torch.autograd.grad(loss, logits)[0] for loss in (mine, slow))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["huber", "squared", "gaussian"])
def test_displacements(kind: str) -> None:
    recipe = Displacement.model_validate({"radius_s": 6, "loss": kind, "per_class": True})
    predicted, spread = (torch.randn(B, T, 17, dtype=torch.float64, requires_grad=True) for _ in range(2))
    wanted, near = torch.randn(B, T, 17, dtype=torch.float64) * 9, torch.rand(B, T, 17, dtype=torch.float64)
    slow = torch.zeros((), dtype=torch.float64)
    for at in np.ndindex(B, T, 17):
        error = predicted[at] - wanted[at]
        if kind == "huber":  # as a share of the 12 frames in 6 s, quadratic up to 0.5
            share = (error / 12).abs()
            each = (share**2 / 2 if share < 0.5 else 0.5 * (share - 0.25)) / 0.5
        elif kind == "squared":
            each = error**2
        else:
            each = 0.3 * error**2 / math.e ** spread[at] + 0.7 * spread[at]
        slow = slow + near[at] * each
    slow = slow / (B * T * 17)
    mine = displacement_loss(recipe, 2, predicted=predicted, log_variance=spread, wanted=wanted, near=near)
    assert mine.item() == pytest.approx(slow.item(), rel=1e-12)
    gradients = (torch.autograd.grad(loss, predicted)[0] for loss in (mine, slow))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-9)


def test_the_best_constants_are_better_than_their_neighbours() -> None:
    """The background in four of five frames, a class in one of a hundred, and one in one of a thousand."""
    recipe = FocalBinary(kind="focal-binary", gamma=1, epsilon=7e-5, weight=100)
    shares = torch.tensor([0.8, 0.01, 0.001])
    targets = (torch.arange(1000)[:, None] < 1000 * shares).float()[None]
    best = best_constants(recipe, shares)
    for k in range(3):
        losses = [
            score_loss(recipe, (best + move)[None, None].expand_as(targets)[..., [k]], targets[..., [k]], shares).item()
            for move in (-0.1, 0, 0.1)
        ]
        assert losses[1] < min(losses[0], losses[2])


def test_the_best_log_variance_is_better_than_its_neighbours() -> None:
    """Displacements evenly spread over three seconds on each side, at two frames a second, predicted as 0."""
    recipe = Displacement(radius_s=3, loss="gaussian", per_class=True)
    wanted = torch.linspace(-6, 6, 1001)[None, :, None]
    losses = [
        displacement_loss(
            recipe, 2, predicted=torch.zeros_like(wanted), wanted=wanted, near=torch.ones_like(wanted),
            log_variance=torch.full_like(wanted, best_log_variance(recipe, 2) + move),
        ).item()
        for move in (-0.1, 0, 0.1)
    ]  # fmt: skip
    assert losses[1] < min(losses[0], losses[2])
