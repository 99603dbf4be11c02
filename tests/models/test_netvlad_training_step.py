"""One training step of NetVLAD++: loss, gradients and Adam's step equal those of the published definition.

Source: the NetVLAD++ reference code: the mean binary cross-entropy of 18 sigmoid scores, Adam with betas 0.9 and 0.999
and epsilon 1e-8. The reference here is written out, one window, frame and cluster at a time, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.models.netvlad import NetVLADpp
from soccerbench.tasks.spotting import Batch, SpottingTask
from soccerbench.training.loop import train

RATE = 1e-3


class OneBatch:
    """What the loop trains: one batch an epoch, with the loss of action spotting."""

    steps = 1
    loss = SpottingTask.loss

    def __init__(self, model: nn.Module, batch: Batch) -> None:
        self._model, self._batch = model, batch

    def model(self) -> nn.Module:
        return self._model

    def batches(self, _: np.random.Generator) -> Iterator[Batch]:
        yield self._batch

    def valid_batches(self) -> Iterator[Batch]:
        return iter(())


def pooled(frames: Tensor, assign: Tensor, centres: Tensor) -> Tensor:
    """One vocabulary over one window (T, D): residuals of each cluster, each of unit length, then all together."""
    shares = torch.stack([(assign @ frame).exp() / (assign @ frame).exp().sum() for frame in frames])
    residuals = [
        sum(share[k] * (frame - centre) for share, frame in zip(shares, frames, strict=True))
        for k, centre in enumerate(centres)
    ]
    whole = torch.cat([residual / residual.norm() for residual in residuals])  # type: ignore[union-attr]
    return whole / whole.norm()


def reference_loss(weights: dict[str, Tensor], features: Tensor, targets: Tensor) -> Tensor:
    """The mean over windows and classes of -y log s - (1 - y) log(1 - s)."""
    costs = []
    for window, target in zip(features, targets, strict=True):
        frames = window @ weights["project.weight"].T + weights["project.bias"]
        frames = torch.stack([frame / frame.norm() for frame in frames])
        middle = len(frames) // 2
        parts = [
            pooled(part, weights[f"{name}.assign.weight"], weights[f"{name}.centres"])
            for name, part in (("past", frames[:middle]), ("future", frames[middle:]))
        ]
        scores = 1 / (1 + (-(weights["classify.weight"] @ torch.cat(parts) + weights["classify.bias"])).exp())
        costs.append(-(target * scores.log() + (1 - target) * (1 - scores).log()))
    return torch.stack(costs).mean()


@pytest.mark.parametrize("frames", [7, 8])
def test_a_step_equals_that_of_the_definition(frames: int, tmp_path: Path) -> None:
    """On features of small variance, without dropout, whose draws no definition fixes."""
    torch.manual_seed(0)
    model = NetVLADpp(24, clusters=8, projection=12, dropout=0)
    features = 0.073 * torch.randn(6, frames, 24)
    targets = torch.eye(18)[[0, 3, 17, 3, 0, 5]]
    targets[2, 4] = 1  # two events in one window
    before = {name: value.detach().double().requires_grad_() for name, value in model.state_dict().items()}
    expected = reference_loss(before, features.double(), targets.double())
    expected.backward()

    batch = Batch(features, targets)
    loss = OneBatch(model, batch).loss(model, batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    loss.backward()
    assert {name for name, _ in model.named_parameters()} == set(before)
    for name, parameter in model.named_parameters():
        gradient = before[name].grad
        assert gradient is not None
        assert parameter.grad is not None
        largest = gradient.abs().max()
        torch.testing.assert_close(parameter.grad / largest, gradient / largest, rtol=0, atol=1e-5, check_dtype=False)

    row = SimpleNamespace(learning_rate=RATE, weight_decay=0.0, precision="float32", max_epochs=1, plateau=None)
    trained = train(
        OneBatch(model, batch), row, seed=0, folder=tmp_path, device="cpu", identity={}, progress=lambda *_: None
    )
    for name, value in trained.model.state_dict().items():
        gradient = before[name].grad
        assert gradient is not None
        after = before[name].detach() - RATE * gradient / (gradient.abs() + 1e-8)  # Adam's first step
        clear = gradient.abs() > 1e-6  # where float32 knows the gradient
        assert clear.double().mean() > 0.9
        torch.testing.assert_close(value[clear], after[clear], rtol=0, atol=1e-6, check_dtype=False)
