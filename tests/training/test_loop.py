"""The training loop: the precision of the loss, and what the best epoch is chosen by."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from soccerbench.progress import silent
from soccerbench.training import loop


@pytest.mark.parametrize(
    ("device", "precision", "lowered"),
    [
        ("cuda", "auto", True), ("cuda", "bfloat16", True), ("cuda", "float32", False),
        ("cpu", "auto", False), ("cpu", "bfloat16", True), ("cpu", "float32", False),
    ],
)  # fmt: skip
def test_the_loss_is_computed_in_the_rows_precision(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: str, lowered: bool
) -> None:
    seen: list[bool] = []

    def autocast(kind: str, dtype: torch.dtype, *, enabled: bool) -> AbstractContextManager[None]:
        assert (kind, dtype) == (device, torch.bfloat16)
        seen.append(enabled)
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr("soccerbench.training.precision.multiplies_bfloat16", lambda: True)
    task: Any = SimpleNamespace(loss=lambda model, batch: torch.ones(()))
    row: Any = SimpleNamespace(precision=precision)
    loop._loss(torch.device(device), row, task, torch.nn.Identity(), ())
    assert seen == [lowered]


class Counting:
    """A task whose only weight is the number of its epochs; its validation loss falls in each."""

    steps = 1

    def model(self) -> torch.nn.Module:
        return torch.nn.Linear(1, 1, bias=False)

    def batches(self, rng: Any) -> Any:
        yield (torch.ones(1, 1),)

    def valid_batches(self) -> Any:
        yield (torch.ones(1, 1),)

    def loss(self, model: Any, batch: tuple[torch.Tensor]) -> torch.Tensor:
        return -model.weight.sum() + 100


@pytest.mark.parametrize(
    ("every", "scores", "measured", "best"),
    [
        (1, {1: 0.1, 2: 0.9, 3: 0.2, 4: 0.3, 5: 0.4}, [1, 2, 3, 4, 5], 2),
        (2, {2: 0.1, 4: 0.3, 5: 0.2}, [2, 4, 5], 4),  # the last one is measured too
        (20, {5: 0.0}, [5], 5),
        (None, {}, [], 5),  # by the loss
    ],
)
def test_the_epoch_of_the_highest_score_is_kept(
    tmp_path: Path, every: int | None, scores: dict[int, float], measured: list[int], best: int
) -> None:
    row: Any = SimpleNamespace(learning_rate=1.0, weight_decay=0.0, precision="float32", max_epochs=5, plateau=None)
    weights: list[float] = []

    def score(model: Any, _: torch.device) -> float:
        weights.append(model.weight.item())
        assert not model.training
        return scores[measured[len(weights) - 1]]

    select = None if every is None else loop.Selection(every, score)
    trained = loop.train(
        Counting(), row, seed=0, folder=tmp_path, device="cpu", identity={}, progress=silent, select=select
    )
    assert len(weights) == len(measured)
    kept = trained.model.get_parameter("weight").item()
    assert kept == pytest.approx(weights[measured.index(best)] if weights else kept)
    start = loop.train(
        Counting(), SimpleNamespace(**{**vars(row), "max_epochs": best}), seed=0, folder=tmp_path / "short",
        device="cpu", identity={}, progress=silent,
    )  # fmt: skip
    assert kept == start.model.get_parameter("weight").item()
