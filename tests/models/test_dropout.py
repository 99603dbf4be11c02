"""Dropout with torch's draws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from soccerbench.models.dropout import DRAWS_AT_ONCE, Dropout


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize(
    "values",
    [
        torch.randn(3),
        torch.randn(2 * DRAWS_AT_ONCE + 5),
        torch.randn(5, 9, 7).transpose(0, 1),
        torch.randn(4, 1).expand(4, 6),
    ],
    ids=["few", "several pieces", "transposed", "expanded"],
)
def test_values_gradients_and_draws_are_those_of_torch(values: Tensor, share: float) -> None:
    found = []
    for module in (nn.Dropout(share), Dropout(share)):
        torch.manual_seed(3)
        given = values.detach().requires_grad_()
        dropped = module(given)
        (gradient,) = torch.autograd.grad(dropped.square().sum(), given)
        found.append((dropped, gradient, torch.get_rng_state()))
        assert module.eval()(values) is values
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))


def test_where_torch_draws_otherwise_its_own_dropout_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Intel's processors, whose dropout MKL draws: another generator than that of uniform numbers."""
    monkeypatch.setattr("soccerbench.models.dropout._draws_are_uniform", lambda: False)
    monkeypatch.setattr("torch.nn.functional.dropout", lambda values, *_: values + 1)
    assert torch.equal(Dropout(0.5)(torch.zeros(2)), torch.ones(2))
