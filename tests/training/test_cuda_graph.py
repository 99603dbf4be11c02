"""What only a GPU does: steps replayed, batches copied during the computing, and the scores that come of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.training import loop as training
from soccerbench.training.cuda_graph import MAX_RECORDINGS, WARM_UP, ReplayedStep, copied

CPU, GPU = torch.device("cpu"), torch.device("cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


class Batch(NamedTuple):
    values: Tensor
    targets: Tensor


class OwnHead(NetVLADpp):
    """A user's."""


def experiment(root: Path, out: Path, *, number: int = 8, epochs: int = 12, seed: int = 0) -> Experiment:
    settings = [parse_setting(text) for text in (f"max_epochs={epochs}", "batch_size=8")]
    row = next(row for row in load_table("table2", mini=True, settings=settings).rows if row.row == number)
    return Planner(Dataset(root), out).experiment(row, seed)


def weights(made: Experiment) -> dict[str, Tensor]:
    return torch.load(made.folder / "checkpoint.pt", weights_only=True)["model"]


def batches(device: torch.device, count: int) -> Iterator[Batch]:
    rng = torch.Generator().manual_seed(0)
    for number in range(count):
        size = 5 if number % 4 == 3 else 16
        yield Batch(
            torch.randn(size, 7, 12, generator=rng).to(device), torch.rand(size, 18, generator=rng).round().to(device)
        )


def step_of(device: torch.device) -> tuple[torch.nn.Module, torch.optim.Adam, training.Callable]:
    torch.manual_seed(1)
    model = NetVLADpp(12, clusters=4, projection=8).to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True, capturable=True)

    def step(batch: Batch) -> Tensor:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch.values), batch.targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return model, optimiser, step


def test_only_our_own_heads_are_replayed(shared_tiny_root: Path) -> None:
    root, row = Dataset(shared_tiny_root), load_table("table2", mini=True).rows[7]
    store, labels = root.store(row.blocks), root.labels("train")
    custom = row.model_copy(update={"head": "heads:OwnHead"})
    assert SpottingTask(row, store, train=labels, valid={}).replayable
    assert not SpottingTask(custom, store, train=labels, valid={}, head=OwnHead).replayable


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    monkeypatch.setattr(SpottingTask, "loss", lambda self, model, batch: model(batch.features).sum() * bad)
    made = experiment(shared_tiny_root, tmp_path, epochs=2)
    with pytest.raises(InputError, match=r"epoch 1: the loss is (nan|-?inf)") as caught:
        made.run(device="auto", progress=silent)
    assert caught.value.path == made.folder


@needs_gpu
def test_replayed_steps_do_what_launched_ones_do() -> None:
    outcomes = []
    for replayed in (False, True):
        model, optimiser, step = step_of(GPU)
        train = ReplayedStep(step, lambda optimiser=optimiser: optimiser.param_groups[0]["lr"]) if replayed else step
        losses = []
        for number, batch in enumerate(batches(GPU, 40)):
            if number == 24:
                optimiser.param_groups[0]["lr"] = 1e-3
            losses.append(train(batch).item())
        outcomes.append((losses, [value.detach().clone() for value in model.parameters()]))
    (losses, values), (other_losses, other_values) = outcomes
    assert other_losses == pytest.approx(losses, rel=1e-4)
    for one, other in zip(values, other_values, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4)


@needs_gpu
def test_a_step_is_recorded_after_a_few_and_only_so_many() -> None:
    calls: list[int] = []

    def step(batch: Batch) -> Tensor:
        calls.append(len(batch.values))
        return batch.values.sum()

    train = ReplayedStep(step, lambda: 1.0)
    for size in range(1, MAX_RECORDINGS + 2):
        for value in range(WARM_UP + 4):
            assert train(Batch(torch.full((size, 2), float(value), device=GPU), torch.zeros(1, device=GPU))) == (
                2 * size * value
            )
        assert calls.count(size) == WARM_UP + (1 if size <= MAX_RECORDINGS else 4)


@needs_gpu
def test_what_earlier_runs_left_is_not_collected_into_a_recording() -> None:
    """Destroying a graph while another is being recorded breaks the recording."""
    given = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(8):
            *_, step = step_of(GPU)
            left = ReplayedStep(step, lambda: 1.0)
            left.itself = left  # only the collector of cycles can free it
            for batch in batches(GPU, 12):
                left(batch)
    finally:
        gc.set_threshold(*given)
    assert gc.isenabled()


@needs_gpu
def test_copied_batches_are_the_batches() -> None:
    given = list(batches(CPU, 40))
    for one, other in zip(given, copied(iter(given), GPU), strict=True):
        assert other.values.is_cuda
        torch.cuda._sleep(10**6)
        assert torch.equal(one.values, other.values.cpu())


@needs_gpu
@pytest.mark.parametrize("number", [7, 8])
@pytest.mark.parametrize("room", [True, False])
def test_stopped_and_resumed_it_ends_with_the_same_weights(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool, number: int
) -> None:
    if not room:
        monkeypatch.setattr("soccerbench.tasks.frame_task.has_room", lambda *_: False)
    pack(shared_tiny_root, tmp_path / "packed")
    whole, stopped = (experiment(tmp_path / "packed", tmp_path / out, number=number) for out in ("whole", "stopped"))
    whole.run(device="cuda", progress=silent)

    def stop(stage: str, done: int, total: int) -> None:
        if stage.startswith("epoch 8/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.run(device="cuda", progress=stop)
    stopped.run(device="cuda", progress=silent)
    after = weights(stopped)
    for name, value in weights(whole).items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=0, msg=name)


@needs_gpu
@pytest.mark.parametrize("number", [7, 8])
def test_predictions_are_those_of_the_cpu(shared_tiny_root: Path, tmp_path: Path, number: int) -> None:
    made = experiment(shared_tiny_root, tmp_path, number=number, epochs=2)
    made.run(device="cuda", progress=silent)
    pipeline, games = made.pipeline(), made.root.games["test"][:1]
    model = pipeline.trainable.model()
    model.load_state_dict(weights(made))
    model.eval()
    one, other = (next(iter(pipeline.detect(model.to(device), "test", games, device, silent))) for device in (CPU, GPU))
    assert np.array_equal(one.position_ms, other.position_ms)
    np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-5)
