"""Whole rows of Table 2 on a GPU, beside the floor that its memory and its matrix units set, and beside the plain loop.

pytest benchmarks/test_gpu_speed.py --games 360 --record    in ultra mode 300 games train and 60 are held out: 35 GB

The floor of an epoch is the larger of two times: the features read once and, in every step, the weights and Adam's two
moments read and written, over the bandwidth of a copy; the matrix products of all steps over the rate of a large one
in bf16. The plain loop is the reference code's: clips as float32 in memory, a DataLoader whose workers collate them,
a step launched kernel by kernel in float32, the loss looked at after each; only as many games as fit beside the rest.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import Batch, SpottingTask
from soccerbench.training.loop import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
ROWS = [pytest.param(8, 40, id="netvlad++"), pytest.param(7, 50, id="transformer")]
STEPS, PLAIN_STEPS, PLAIN_GAMES, PLAIN_WORKERS = 640, 60, 40, 8
GPU = "cuda"


def ultra(number: int, epochs: int) -> SpottingRow:
    """A row as the paper's ultra rows are trained, on the released features."""
    row = load_table("table2").rows[number - 1]
    return row.model_copy(update={"mode": "ultra", "plateau": None, "max_epochs": epochs})


def task_of(row: SpottingRow, root: Dataset, games: int | None = None) -> SpottingTask:
    labels = {game: read for split in row.trainings[0].learns for game, read in root.labels(split).items()}
    return SpottingTask(row, root.store(row.blocks), train=dict(itertools.islice(labels.items(), games)), valid={})


class Watch:
    """When each stage was last at which step; the GPU has done all of them by then."""

    def __init__(self) -> None:
        self.looks: dict[str, list[tuple[int, float]]] = {}

    def __call__(self, stage: str, done: int, _total: int) -> None:
        self.looks.setdefault(stage, []).append((done, time.perf_counter()))

    def end(self, stage: str) -> float:
        return self.looks[stage][-1][1]


class Shortened:
    """A task with the first batches of each epoch only."""

    def __init__(self, task: SpottingTask, *, replayable: bool) -> None:
        self.task, self.replayable, self.steps = task, replayable, min(STEPS, task.steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        return itertools.islice(self.task.batches(rng), self.steps)


def step_s(task: SpottingTask, folder: Path, *, replayable: bool) -> float:
    """Seconds of a step of the training loop, between its first look at the loss in the second epoch and its last."""
    watch, row = Watch(), task.row.model_copy(update={"max_epochs": 2})
    short = Shortened(task, replayable=replayable)
    train(short, row, seed=0, folder=folder, device=GPU, identity={}, progress=watch)
    (first, started), *_, (last, ended) = watch.looks["epoch 2/2"]
    return (ended - started) / (last - first)


def plain_step_s(task: SpottingTask) -> float:
    """Seconds of a step of the plain loop."""
    clips = TensorDataset(*task.train.take(np.arange(len(task.train))))
    torch.manual_seed(0)
    model = task.model().to(GPU).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=task.row.learning_rate)
    loader = DataLoader(
        clips, batch_size=task.row.batch_size, shuffle=True, drop_last=True, num_workers=PLAIN_WORKERS, pin_memory=True
    )
    ends = []
    for batch in itertools.islice(loader, PLAIN_STEPS):
        loss = task.loss(model, Batch(*(value.to(GPU) for value in batch)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        ends.append(time.perf_counter())
    begun = len(ends) // 3  # by then the batches that the workers had ready are used up
    return (ends[-1] - ends[begun]) / (len(ends) - 1 - begun)


def seconds(work: Callable[[], object], rounds: int = 10) -> float:
    """Median seconds of work on the GPU."""
    times = []
    for _ in range(rounds + 3):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1000)
    return float(np.median(times[3:]))


def bytes_per_s() -> float:
    """Bytes that a large copy reads and writes a second."""
    here, there = (torch.empty(2**32, dtype=torch.uint8, device=GPU) for _ in range(2))
    return 2 * here.nbytes / seconds(lambda: there.copy_(here))


def operations_per_s() -> float:
    """Of a large matrix product in bf16."""
    left, right = (torch.randn(8192, 8192, dtype=torch.bfloat16, device=GPU) for _ in range(2))
    return 2 * 8192**3 / seconds(lambda: left @ right)


def floor(task: SpottingTask) -> dict[str, float]:
    """What the GPU can do, and what an epoch therefore takes at least."""
    bandwidth, rate = bytes_per_s(), operations_per_s()
    model, full = task.model().to(GPU).train(), np.arange(min(task.row.batch_size, len(task.train)))
    batch = Batch(*(value.to(GPU) for value in task.train.take(full)))
    with FlopCounterMode(display=False) as counter:
        task.loss(model, batch).backward()
    weights = sum(value.numel() for value in model.parameters())
    stored = sum(task.store.length(game, half) for game in task.train.games for half in (1, 2)) * task.store.width
    moved = stored * (2 if task.store.is_half_precision else 4) + task.steps * weights * 6 * 4
    computed = counter.get_total_flops() / len(full) * len(task.train)
    return {
        "bytes_per_s": bandwidth, "operations_per_s": rate, "epoch_bytes": moved, "epoch_operations": computed,
        "floor_epoch_s": max(moved / bandwidth, computed / rate),
    }  # fmt: skip


@pytest.mark.parametrize(("number", "epochs"), ROWS)
def test_row(benchmark, packed_root: Path, tmp_path: Path, number: int, epochs: int) -> None:
    root, watch = Dataset(packed_root), Watch()
    made = Planner(root, tmp_path).experiment(ultra(number, epochs), 0)
    least = floor(task_of(made.row, root))
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    result = benchmark.pedantic(lambda: made.run(device=GPU, progress=watch), rounds=1)
    ends = [watch.end(f"epoch {epoch}/{epochs}") for epoch in range(1, epochs + 1)]
    epoch_s = float(np.median(np.diff(ends)))
    total_s, trained_s = benchmark.stats.stats.median, ends[-1] - ends[0]
    benchmark.extra_info |= least | {
        "games": len(task_of(made.row, root).train.games),
        "epochs": epochs,
        "epoch_s": epoch_s,
        "share_of_the_floor": least["floor_epoch_s"] / epoch_s,
        "predicting_s": watch.end("challenge games") - ends[-1],
        "rest_s": total_s - trained_s - epoch_s - (watch.end("challenge games") - ends[-1]),
        "largest_gpu_bytes": torch.cuda.max_memory_allocated(),
        "scores": {split: scores and scores["loose"].average_map for split, scores in result.scores.items()},
    }


@pytest.mark.parametrize(("number", "epochs"), ROWS)
def test_step(benchmark, packed_root: Path, tmp_path: Path, monkeypatch, number: int, epochs: int) -> None:
    root, row = Dataset(packed_root), ultra(number, epochs)
    measured = {
        "replayed_s": step_s(task_of(row, root), tmp_path / "replayed", replayable=True),
        "launched_s": step_s(task_of(row, root), tmp_path / "launched", replayable=False),
    }
    monkeypatch.setattr("soccerbench.tasks.spotting.has_room", lambda *_: False)
    measured["streamed_s"] = step_s(task_of(row, root), tmp_path / "streamed", replayable=True)
    measured["plain_s"] = benchmark.pedantic(lambda: plain_step_s(task_of(row, root, PLAIN_GAMES)), rounds=1)
    benchmark.extra_info |= measured | {
        f"times_faster_{name.removesuffix('_s')}": measured["plain_s"] / taken
        for name, taken in measured.items()
        if name != "plain_s"
    }
