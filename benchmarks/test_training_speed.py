"""Training steps of Table 2 row 8 from a packed root, beside the plain loop and beside the bare matrix products.

Ours reads clips of the packed file at random, ahead of the step that needs them. The plain loop is the reference
code's: every clip as float32 in memory, a DataLoader that collates them; only as many games as fit into a few
gigabytes. The bare products are the matrix multiplications of one step and nothing else. All three run in turn, twenty
steps each, so that whatever else the machine does falls on all of them; ours begins each of its turns with nothing read
ahead and ends it with nothing left, so that none of its reading falls into the others'. Figures are of all steps
together, stalls included. A GPU's steps are measured in test_gpu_speed.py.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from soccerbench.data.root import Root
from soccerbench.runner.read_ahead import read_ahead
from soccerbench.specs import load_table
from soccerbench.tasks.spotting import Batch, SpottingTask

ROW, PLAIN_GAMES = 8, 6
TURN = 20  # steps
Step = Callable[[Batch], None]


def task_of(root: Root, games: int | None = None) -> SpottingTask:
    """Row 8 on the training games, or on the first of them; no validation."""
    row = load_table("table2").rows[ROW - 1]
    labels = root.labels("train")
    return SpottingTask(row, root.store(row.blocks), train=dict(itertools.islice(labels.items(), games)), valid={})


def step_of(task: SpottingTask) -> Step:
    """One training step as the training loop makes it."""
    torch.manual_seed(0)
    model = task.model().train()
    optimiser = torch.optim.Adam(model.parameters(), lr=task.row.learning_rate, fused=True)

    def step(batch: Batch) -> None:
        loss = task.loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    return step


class Clips(Dataset[tuple[Tensor, Tensor]]):
    """Every clip in memory, as the reference code keeps them."""

    def __init__(self, task: SpottingTask) -> None:
        batch = task._train.take(np.arange(len(task._train)))
        self.features, self.targets = batch

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.features[index], self.targets[index]


def forever(epoch: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """One epoch after another."""
    while True:
        yield from epoch()


def plain_batches(task: SpottingTask) -> Iterator[Batch]:
    loader = DataLoader(Clips(task), batch_size=task.row.batch_size, shuffle=True, drop_last=True)
    return forever(lambda: itertools.starmap(Batch, loader))


def our_batches(task: SpottingTask) -> Iterator[Batch]:
    rng = np.random.default_rng(0)
    return (batch for batch in forever(lambda: task.batches(rng)) if len(batch.features) == task.row.batch_size)


def bare_products(task: SpottingTask) -> Callable[[], None]:
    """The matrix products of one step: forward, and backward for all but the features, which need no gradient."""
    sizes = task.row.architecture
    batch, frames, width = task.row.batch_size, task.clip_frames, task.store.width
    inner, clusters, classes = sizes["projection"], sizes["clusters"], 18
    rand = torch.rand
    features, projected = rand(batch * frames, width), rand(batch * frames, inner)
    project, assign, classify = rand(inner, width), rand(clusters, inner), rand(classes, clusters * inner)
    shares, unit = rand(batch, clusters, frames), rand(batch, frames, inner)
    pooled, scores, assigned = rand(batch, clusters * inner), rand(batch, classes), rand(batch * frames, clusters)
    residuals = rand(batch, clusters, inner)

    def products() -> None:
        features @ project.T, projected.T @ features  # the projection and its weights' gradient
        projected @ assign.T, assigned.T @ projected, assigned @ assign
        shares @ unit / 2, shares.mT @ residuals / 2, residuals @ unit.mT / 2  # each vocabulary sees half the frames
        pooled @ classify.T, scores.T @ pooled, scores @ classify

    return products


def anonymous_bytes() -> int:
    """Memory of this process that is no file's."""
    return 1024 * int(re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


class Watch(Thread):
    """Looks every few milliseconds at how much memory of this process is no file's, while it is entered."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest_bytes, self._done = 0, Event()

    def run(self) -> None:
        while not self._done.wait(0.005):
            self.largest_bytes = max(self.largest_bytes, anonymous_bytes())

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def test_anonymous_memory(benchmark, request, packed_root: Path) -> None:
    """Of training alone, before the plain loop takes its own."""
    task, steps = task_of(Root(packed_root)), request.config.getoption("--steps")
    step = step_of(task)

    def train() -> None:
        for batch in read_ahead(itertools.islice(our_batches(task), steps), one_core=True):
            step(batch)

    with Watch() as watch:
        benchmark.pedantic(train, rounds=1)
    benchmark.extra_info |= {"steps": steps, "largest_anonymous_bytes": watch.largest_bytes}
    assert 0 < watch.largest_bytes < 2e9


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_training(benchmark, request, packed_root: Path, forget, cache: str) -> None:
    root = Root(packed_root)
    task, plain_task = task_of(root), task_of(root, PLAIN_GAMES)
    ours, plain, products = step_of(task), step_of(plain_task), bare_products(task)
    batches, plain_input = our_batches(task), plain_batches(plain_task)
    plain_s, bare_s = [], []

    def our_turn(steps: int = TURN) -> None:
        for batch in read_ahead(itertools.islice(batches, steps), one_core=True):
            ours(batch)

    def plain_turn(steps: int = TURN) -> None:
        for batch in itertools.islice(plain_input, steps):
            plain(batch)

    def turns_of_the_others() -> None:
        plain_s.append(seconds_of(plain_turn))
        bare_s.append(seconds_of(lambda: [products() for _ in range(TURN)]))

    turns = max(2, request.config.getoption("--steps") // TURN)
    our_turn(2)
    plain_turn(2)
    products()
    if cache == "cold":
        forget(packed_root)
    benchmark.pedantic(our_turn, setup=turns_of_the_others, rounds=turns)
    ours_s, clips = benchmark.stats.stats.data, TURN * task.row.batch_size
    ratios = [plain / ours for plain, ours in zip(plain_s, ours_s, strict=True)]
    benchmark.extra_info |= {
        "packed_bytes": sum(file.stat().st_size for file in packed_root.glob("train-*.npy")),
        "steps": turns * TURN,
        "windows_per_s": turns * clips / sum(ours_s),
        "plain_windows_per_s": turns * clips / sum(plain_s),
        "ratio_to_the_plain_loop": sum(plain_s) / sum(ours_s),
        "ratio_to_the_plain_loop_of_a_turn": [min(ratios), max(ratios)],
        "bare_products_s": sum(bare_s) / (turns * TURN),
        "step_to_bare_products": sum(ours_s) / sum(bare_s),
        "epoch_s": sum(ours_s) / (turns * TURN) * task.steps,
    }
