"""The training loop: the precision of the loss."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from soccerbench.training import loop


@pytest.mark.parametrize(
    ("device", "precision", "lowered"),
    [("cuda", "bfloat16", True), ("cuda", "float32", False), ("cpu", "bfloat16", False), ("cpu", "float32", False)],
)
def test_the_loss_is_computed_in_the_rows_precision_on_a_gpu_alone(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: str, lowered: bool
) -> None:
    seen: list[bool] = []

    def autocast(kind: str, dtype: torch.dtype, *, enabled: bool) -> AbstractContextManager[None]:
        assert (kind, dtype) == ("cuda", torch.bfloat16)
        seen.append(enabled)
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    task: Any = SimpleNamespace(loss=lambda model, batch: torch.ones(()))
    row: Any = SimpleNamespace(precision=precision)
    loop._loss(torch.device(device), row, task, torch.nn.Identity(), ())
    assert seen == [lowered]
