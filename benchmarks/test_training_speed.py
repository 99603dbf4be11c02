"""Training steps of Table 2 row 8 from a packed root, beside the plain loop and beside the bare matrix products.

Ours reads clips of the packed file at random, ahead of the step that needs them. The plain loop is the reference
code's: every clip as float32 in memory, a DataLoader that collates them; only as many games as fit into a few
gigabytes. The bare products are the matrix multiplications of one step and nothing else. All three run in turn, step by
step, so that whatever else the machine does falls on all of them. A GPU's steps are measured in test_gpu_speed.py.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
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
    full = (batch for batch in forever(lambda: task.batches(rng)) if len(batch.features) == task.row.batch_size)
    return read_ahead(full, one_core=True)


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


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_training(benchmark, request, packed_root: Path, forget, cache: str) -> None:
    root = Root(packed_root)
    task, steps = task_of(root), request.config.getoption("--steps")
    if cache == "cold":
        forget(packed_root)
    ours, products = step_of(task), bare_products(task)
    batches = our_batches(task)
    anonymous = []
    for _ in range(2):
        ours(next(batches))
        products()
    anonymous.append(anonymous_bytes())
    alone = [seconds_of(lambda: ours(next(batches))) for _ in range(steps)]
    anonymous.append(anonymous_bytes())

    plain_task = task_of(root, PLAIN_GAMES)
    plain, plain_input = step_of(plain_task), plain_batches(plain_task)
    plain(next(plain_input))
    plain_s, bare_s = [], []

    def in_turn() -> None:
        plain_s.append(seconds_of(lambda: plain(next(plain_input))))
        bare_s.append(seconds_of(products))

    benchmark.pedantic(lambda: ours(next(batches)), setup=in_turn, rounds=steps, warmup_rounds=1)
    batches.close()
    median = benchmark.stats.stats.median
    clips, size = task.row.batch_size, sum(file.stat().st_size for file in packed_root.glob("train-*.npy"))
    benchmark.extra_info |= {
        "packed_bytes": size,
        "windows_per_s": clips / median,
        "windows_per_s_alone": clips / float(np.median(alone)),
        "plain_windows_per_s": clips / float(np.median(plain_s)),
        "ratio_to_the_plain_loop": float(np.median(plain_s)) / median,
        "bare_products_s": float(np.median(bare_s)),
        "step_to_bare_products": median / float(np.median(bare_s)),
        "largest_anonymous_bytes": max(anonymous),
        "epoch_s": median * task.steps,
    }
    assert max(anonymous) < 2e9
