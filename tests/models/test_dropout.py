"""Dropout: which values go, by how much the others grow, and what the gradient sees."""

from __future__ import annotations

import pytest
import torch

from soccerbench.models.dropout import Dropout, kept_scales


@pytest.mark.parametrize("p", [0.1, 0.4, 0.999])
def test_a_share_of_p_is_dropped_and_the_rest_grows(p: float) -> None:
    torch.manual_seed(0)
    scales = kept_scales((1001, 501), p)
    assert scales.shape == (1001, 501)
    assert scales.dtype == torch.float32
    kept = scales.unique()
    assert kept[0] == 0
    assert kept[1:].tolist() == pytest.approx([1 / (1 - p)], rel=0.02 if p > 0.9 else 1e-4)
    draws = scales.numel()
    assert (scales == 0).double().mean().item() == pytest.approx(p, rel=0, abs=5 * (p * (1 - p) / draws) ** 0.5)
    for lag in (1, 2, 4):  # neighbours share a draw of 64 bits
        dropped = (scales.flatten() == 0).double()
        together = (dropped[lag:] * dropped[:-lag]).mean().item()
        assert together == pytest.approx(p * p, rel=0, abs=5 * (p * p * (1 - p * p) * 2 / draws) ** 0.5)


def test_the_same_seed_drops_the_same() -> None:
    values = torch.rand(3, 50)
    dropout, drawn = Dropout(0.5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropout(values))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_is_that_of_the_kept_values(dtype: torch.dtype) -> None:
    values = torch.rand(30, 40, dtype=dtype, requires_grad=True)
    dropped = Dropout(0.4)(values)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    assert torch.equal(dropped, values * gradient)
    assert gradient.unique().tolist() == pytest.approx([0, 1 / 0.6], rel=1e-4)
    assert 0.3 < (gradient == 0).float().mean() < 0.5


def test_nothing_or_all_can_be_dropped() -> None:
    values = torch.rand(4, 5)
    assert torch.equal(Dropout(0.4).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)
    assert torch.equal(Dropout(1.0)(values), torch.zeros(4, 5))
