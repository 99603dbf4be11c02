"""What a precision means on a device, and that products in bfloat16 train as those in float32 do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from soccerbench.models.netvlad import NetVLADpp
from soccerbench.progress import silent
from soccerbench.specs.base import Precision
from soccerbench.training import precision
from soccerbench.training.loop import train
from soccerbench.training.precision import in_bfloat16


@pytest.mark.parametrize(
    ("asked", "cpu", "cuda"), [("auto", False, True), ("bfloat16", True, True), ("float32", False, False)]
)
def test_auto_is_bfloat16_on_a_gpu_alone(
    monkeypatch: pytest.MonkeyPatch, asked: Precision, cpu: bool, cuda: bool
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    assert (in_bfloat16(asked, "cpu"), in_bfloat16(asked, "cuda")) == (cpu, cuda)


def test_a_processor_without_such_products_refuses_them_before_the_task_is_asked_for_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asks: Any = SimpleNamespace()
    row: Any = SimpleNamespace(precision="bfloat16")
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    with pytest.raises(ValueError, match="this processor has no such products; give auto or float32"):
        in_bfloat16("bfloat16", "cpu")
    assert in_bfloat16("bfloat16", "cuda")
    assert not in_bfloat16("auto", "cpu")
    with pytest.raises(ValueError, match="this processor has no such products"):
        train(asks, row, seed=0, folder=tmp_path, device="cpu", identity={}, progress=silent)


@pytest.mark.skipif(not precision.multiplies_bfloat16(), reason="this processor does not multiply bfloat16")
def test_gradients_in_bfloat16_are_near_those_in_float32() -> None:
    torch.manual_seed(0)
    model = NetVLADpp(64, clusters=8, projection=32, dropout=0.0)
    features, targets = torch.randn(16, 14, 64), (torch.rand(16, 18) < 0.1).float()

    def gradients(*, lowered: bool) -> torch.Tensor:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
            logits = model(features)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)
        loss.backward()
        return torch.cat([weight.grad.flatten() for weight in model.parameters()])

    exact, rounded = gradients(lowered=False), gradients(lowered=True)
    assert not torch.equal(exact, rounded)
    assert torch.linalg.vector_norm(exact - rounded) < 0.02 * torch.linalg.vector_norm(exact)
