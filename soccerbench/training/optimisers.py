"""Optimisers and schedules from the recipes of a row, as torch has them, and sharpness-aware steps.

Source: Foret et al. (2021) for sharpness-aware minimisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from soccerbench.specs.base import Annealing, Optimiser, Plateau

PLAIN = Optimiser(name="adam")
SAM_EPSILON = 1e-12


def build_optimiser(
    recipe: Optimiser, model: nn.Module, *, learning_rate: float, weight_decay: float, on_gpu: bool
) -> torch.optim.Optimizer:
    """The optimiser of a model's parameters that require gradients."""
    kind = torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam
    decay = weight_decay / learning_rate if recipe.decay_per_step else weight_decay
    return kind(
        trained(model), lr=learning_rate, weight_decay=decay, eps=recipe.epsilon, amsgrad=recipe.amsgrad, fused=True,
        capturable=on_gpu,
    )  # fmt: skip


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that an optimiser changes."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def build_schedule(
    optimiser: torch.optim.Optimizer, *, annealing: Annealing | None, plateau: Plateau | None, epochs: int
) -> LRScheduler | None:
    """What changes the rate after an epoch; None for a fixed rate."""
    if annealing is not None:
        return LambdaLR(optimiser, lambda epoch: share_of_rate(annealing, epoch, epochs))
    if plateau is not None:
        return ReduceLROnPlateau(optimiser, factor=plateau.factor, patience=plateau.patience)
    return None


def share_of_rate(annealing: Annealing, epoch: int, epochs: int) -> float:
    """The share of the full rate in an epoch, counted from 0.

    Example:
        >>> half = Annealing(shape="linear", warm_up_epochs=1, final_share=0.2)
        >>> [round(share_of_rate(half, epoch, 5), 3) for epoch in range(5)]
        [0.5, 1.0, 0.8, 0.6, 0.4]
    """
    warm_up = annealing.warm_up_epochs
    if epoch < warm_up:
        return (epoch + 1) / (warm_up + 1)
    done = (epoch - warm_up) / max(epochs - warm_up, 1)  # 0 after the warm-up, 1 when training is over
    left = 1 - done if annealing.shape == "linear" else (1 + math.cos(math.pi * done)) / 2
    return annealing.final_share + (1 - annealing.final_share) * left


def sharpness_aware(backward: Callable[[], Tensor], parameters: Sequence[Tensor], *, rho: float) -> Tensor:
    """Leave in `parameters` the gradients at the point `rho` uphill from them; the loss where they are.

    Args:
        backward: clears the gradients, computes the loss and its gradients.
        parameters: unchanged at the end.
        rho: radius, in the norm of all parameters together.
    """
    loss = backward()
    with torch.no_grad():
        moved = [parameter for parameter in parameters if parameter.grad is not None]
        before = [parameter.clone() for parameter in moved]
        gradients: list[Any] = [parameter.grad for parameter in moved]
        scale = rho / (torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) + SAM_EPSILON)
        torch._foreach_add_(moved, torch._foreach_mul(gradients, scale))
    backward()
    with torch.no_grad():
        torch._foreach_copy_(moved, before)
    return loss
