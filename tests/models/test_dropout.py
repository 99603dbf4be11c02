"""Dropout: which values go, by how much the others grow, and what the gradient sees."""

from __future__ import annotations

import pytest
import torch

from soccerbench.models.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.4, 0.9])
def test_a_share_of_p_is_dropped_and_the_rest_grows(p: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(400, 500))
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).item()}
    assert (dropped == 0).double().mean().item() == pytest.approx(p, rel=0, abs=5 * (p * (1 - p) / 200_000) ** 0.5)


def test_the_same_seed_drops_the_same() -> None:
    values = torch.rand(3, 50)
    dropout, drawn = Dropout(0.5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropout(values))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_gradient_is_that_of_the_kept_values() -> None:
    values = torch.rand(6, 7, requires_grad=True)
    dropped = Dropout(0.4)(values)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, (dropped.detach() != 0) / 0.6, rtol=1e-6, atol=0)


def test_evaluation_changes_nothing() -> None:
    values = torch.rand(4, 5)
    assert torch.equal(Dropout(0.4).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)


def test_all_can_be_dropped() -> None:
    assert torch.equal(Dropout(1.0)(torch.ones(4)), torch.zeros(4))
