"""Optimisers and schedules against their formulas, and sharpness-aware steps against two gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from soccerbench.specs.base import Annealing, Optimiser
from soccerbench.training.optimisers import build_optimiser, build_schedule, share_of_rate, sharpness_aware


def stepped(recipe: Optimiser, *, weight_decay: float, steps: int = 3) -> float:
    """A weight of 2 after some steps with gradients 1, -3, 0.5."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimiser = build_optimiser(recipe, model, learning_rate=0.1, weight_decay=weight_decay, on_gpu=False)
    for gradient in (1.0, -3.0, 0.5)[:steps]:
        model.weight.grad = torch.full((1, 1), gradient)
        optimiser.step()
    return model.weight.item()


def literal(recipe: Optimiser, *, weight_decay: float) -> float:
    """The same by the formulas of Kingma and Ba (2015), Loshchilov and Hutter (2019) and Reddi et al. (2018)."""
    weight, first, second, largest = 2.0, 0.0, 0.0, 0.0
    for step, given in enumerate((1.0, -3.0, 0.5), start=1):
        gradient = given
        if recipe.name == "adamw":
            weight -= weight * weight_decay * (1.0 if recipe.decay_per_step else 0.1)
        else:
            gradient += weight_decay * weight
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        largest = max(largest, second)
        kept = largest if recipe.amsgrad else second
        weight -= 0.1 * first / (1 - 0.9**step) / (math.sqrt(kept / (1 - 0.999**step)) + recipe.epsilon)
    return weight


@pytest.mark.parametrize(
    "recipe",
    [
        Optimiser(name="adam"),
        Optimiser(name="adam", amsgrad=True),
        Optimiser(name="adam", epsilon=1e-2),
        Optimiser(name="adamw"),
        Optimiser(name="adamw", decay_per_step=True),
    ],
)
def test_a_step_is_that_of_the_formula(recipe: Optimiser) -> None:
    assert stepped(recipe, weight_decay=0.05) == pytest.approx(literal(recipe, weight_decay=0.05), rel=1e-5)


def test_a_decay_apart_from_the_gradient_needs_adamw() -> None:
    with pytest.raises(ValueError, match="decay_per_step: only adamw"):
        Optimiser(name="adam", decay_per_step=True)


@pytest.mark.parametrize(
    ("annealing", "expected"),
    [
        (Annealing(shape="linear", final_share=0.01), [1, 0.7525, 0.505, 0.2575]),
        (Annealing(shape="cosine"), [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
        (Annealing(shape="cosine", warm_up_epochs=2), [1 / 3, 2 / 3, 1, 0.5]),
    ],
)
def test_the_rate_of_each_epoch(annealing: Annealing, expected: list[float]) -> None:
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = build_schedule(optimiser, annealing=annealing, plateau=None, epochs=4)
    assert schedule is not None
    rates = []
    for epoch in range(4):
        assert share_of_rate(annealing, epoch, 4) == pytest.approx(expected[epoch], rel=1e-12)
        rates.append(optimiser.param_groups[0]["lr"] / 0.5)
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx(expected, rel=1e-12)


def test_a_sharpness_aware_gradient_is_that_of_the_point_uphill() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 4))
    hessian = torch.from_numpy(matrix @ matrix.T)
    parameters = [torch.from_numpy(rng.normal(size=2)).requires_grad_() for _ in range(2)]
    start = torch.cat([value.detach().clone() for value in parameters])

    def backward() -> torch.Tensor:
        for value in parameters:
            value.grad = None
        weights = torch.cat(parameters)
        loss = weights @ hessian @ weights / 2
        loss.backward()
        return loss.detach()

    loss = sharpness_aware(backward, parameters, rho=0.7)
    uphill = hessian @ start
    expected = hessian @ (start + 0.7 * uphill / uphill.norm())
    assert loss.item() == pytest.approx((start @ hessian @ start / 2).item(), rel=1e-12)
    torch.testing.assert_close(torch.cat([value.grad for value in parameters]), expected, rtol=0, atol=1e-9)
    assert torch.equal(torch.cat([value.detach() for value in parameters]), start)
