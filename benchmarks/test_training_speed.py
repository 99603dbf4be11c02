"""Training steps of Table 2 row 8 from a packed root, beside the plain loop and beside the bare matrix products.

Ours reads clips of the packed file at random. The plain loop is the reference code's: every clip as float32 in memory,
a DataLoader that collates them, torch's dropout, Adam as it is by default; only as many games as fit into a few
gigabytes. The model is the same. The bare products are the matrix multiplications of one step and nothing else, in
float32. Ours is measured with `precision: auto`, float32 on a CPU, and with `precision: bfloat16`.

Ours and the plain loop run in a process each, ours as the command line sets it up, the plain one as Python does. They
take turns of twenty steps, so that whatever else the machine does falls on both. Figures are of all steps together,
stalls included. A GPU's steps are measured in test_gpu_speed.py.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from soccerbench.features.dataset import Dataset
from soccerbench.specs.load import load_table
from soccerbench.tasks.spotting import Batch, SpottingTask
from soccerbench.training.precision import autocast, multiplies_bfloat16

ROW, PLAIN_GAMES = 8, 6
TURN = 20  # steps
Step = Callable[[Batch], None]


def task_of(root: Dataset, games: int | None = None, precision: str = "auto") -> SpottingTask:
    """Row 8 on the training games, or on the first of them; no validation."""
    row = load_table("table2", settings=[("precision", precision)]).rows[ROW - 1]
    labels = root.labels("train")
    return SpottingTask(row, root.store(row.blocks), train=dict(itertools.islice(labels.items(), games)), valid={})


def step_of(task: SpottingTask, loop: str) -> Step:
    """One training step as a loop makes it."""
    torch.manual_seed(0)
    model = task.model().train()
    if loop == "plain":
        model.dropout = nn.Dropout(model.dropout.p)
    optimiser = torch.optim.Adam(model.parameters(), lr=task.row.learning_rate, fused=True if loop == "ours" else None)

    def step(batch: Batch) -> None:
        with autocast(task.row.precision, "cpu"):
            loss = task.loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    return step


class Clips(TorchDataset[tuple[Tensor, Tensor]]):
    """Every clip in memory, as the reference code keeps them."""

    def __init__(self, task: SpottingTask) -> None:
        batch = task.train.take(np.arange(len(task.train)))
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


def serve(loop: str, root: Path, precision: str) -> None:
    """Run the turns that standard input asks for; say the seconds and the largest anonymous bytes of each."""
    task = task_of(Dataset(root), None if loop == "ours" else PLAIN_GAMES, precision)
    step, products = step_of(task, loop), bare_products(task)
    batches = our_batches(task) if loop == "ours" else plain_batches(task)

    def train(steps: int) -> Iterator[None]:
        return map(step, itertools.islice(batches, steps))

    def multiply(steps: int) -> Iterator[None]:
        return (products() for _ in range(steps))

    for asked in sys.stdin:
        kind, steps = asked.split()
        started = time.perf_counter()
        largest = max(anonymous_bytes() for _ in {"train": train, "products": multiply}[kind](int(steps)))
        print(time.perf_counter() - started, largest, flush=True)


class Loop:
    """A process that serves turns of a loop."""

    def __init__(self, loop: str, root: Path, precision: str = "auto") -> None:
        self.seconds: dict[str, list[float]] = {"train": [], "products": []}
        self.largest_bytes = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__, loop, root, precision], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def run(self, kind: str, steps: int) -> float:
        """One turn; its seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(kind, steps, file=self._process.stdin, flush=True)
        seconds, largest = self._process.stdout.readline().split()
        self.largest_bytes = max(self.largest_bytes, int(largest))
        return float(seconds)

    def turn(self, kind: str = "train") -> None:
        """One turn that counts."""
        self.seconds[kind].append(self.run(kind, TURN))

    def __enter__(self) -> Loop:
        self.run("train", 2)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_training(benchmark, request, packed_root: Path, forget, cache: str, precision: str) -> None:
    if precision == "bfloat16" and not multiplies_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    turns = max(2, request.config.getoption("--steps") // TURN)
    with Loop("ours", packed_root, precision) as ours, Loop("plain", packed_root) as plain:
        ours.run("products", 1)

        def turns_of_the_others() -> None:
            plain.turn()
            ours.turn("products")

        if cache == "cold":
            forget(packed_root)
        else:
            read(packed_root)
        benchmark.pedantic(ours.turn, setup=turns_of_the_others, rounds=turns)
    task = task_of(Dataset(packed_root))
    ours_s, plain_s, bare_s = ours.seconds["train"], plain.seconds["train"], ours.seconds["products"]
    clips, steps = turns * TURN * task.row.batch_size, turns * TURN
    ratios = [plain / ours for plain, ours in zip(plain_s, ours_s, strict=True)]
    benchmark.extra_info |= {
        "packed_bytes": sum(file.stat().st_size for file in packed_root.glob("train-*.npy")),
        "steps": steps,
        "windows_per_s": clips / sum(ours_s),
        "plain_windows_per_s": clips / sum(plain_s),
        "ratio_to_the_plain_loop": sum(plain_s) / sum(ours_s),
        "ratio_to_the_plain_loop_of_a_turn": [min(ratios), max(ratios)],
        "bare_products_s": sum(bare_s) / steps,
        "step_to_bare_products": sum(ours_s) / sum(bare_s),
        "largest_anonymous_bytes": ours.largest_bytes,
        "epoch_s": sum(ours_s) / steps * task.steps,
    }
    assert ours.largest_bytes < 2e9


def read(root: Path) -> None:
    """Read the training split once, so that as much of it as fits is in the page cache."""
    for file in root.glob("train-*.npy"):
        with file.open("rb", buffering=0) as stream:
            while stream.read(2**24):
                pass


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
