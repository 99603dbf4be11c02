"""A training step of each later head at full size, on simulated features: seconds and peak memory, on the CPU.

A process a head, so that its peak is its own. All heads get BATCH chunks, whatever the batch of their row is. The U-Net
and its transformer are two networks: their seconds are of a step of each.

    python benchmarks/test_dense_speed.py                  # all heads, a Markdown table
    python benchmarks/test_dense_speed.py bigru            # one head, JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from soccerbench.experiments.fingerprint import peak_memory_bytes
from soccerbench.models.faster_tad import FasterTad
from soccerbench.specs.heads import heads_for, load_head, load_source
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import DenseRow
from soccerbench.tasks.dense.losses import displacement_loss, score_loss
from soccerbench.training.optimisers import PLAIN, build_optimiser, sharpness_aware, trained

WIDTHS = (2048, 2048, 384, 2048, 2048)
BATCH, ROUNDS = 8, 2
REPLAY_ROWS = 7
HEADS = ("bigru", "unet", "unet_transformer", "tdeed", "astra", "ste", "faster-tad")


def measure(name: str) -> dict[str, float]:
    """Seconds of a step on `BATCH` chunks, and the peak of this process's memory."""
    table = "table3plus" if name in heads_for("grounding") else "table2plus"
    row = next(row for row in load_table(table).rows if row.head == name)
    rng, rows = torch.Generator().manual_seed(0), row.whole_rows("chunk_s", 1)
    if table == "table3plus":
        model = FasterTad(sum(WIDTHS), delays=rows, **row.architecture.model_dump()).train()
        clips = torch.randn(BATCH, REPLAY_ROWS, sum(WIDTHS), generator=rng)
        given = (clips, torch.zeros(clips.shape[:2], dtype=torch.bool))
    else:
        model, given = load_source(row.task_class).build(row, WIDTHS, 1, load_head(row)).train(), ()
    features = torch.randn(BATCH, rows, sum(WIDTHS), generator=rng)
    parts = [(model, row.optimiser)]
    if isinstance(row, DenseRow) and row.displacement is not None and row.displacement.apart is not None:
        parts = [(model.scores, row.optimiser), (model.displacement, row.displacement.apart.optimiser)]
    seconds = []
    for part, recipe in parts:
        recipe = recipe or PLAIN
        optimiser = build_optimiser(recipe, part, learning_rate=1e-4, weight_decay=0.0, on_gpu=False)

        def backward(part=part, optimiser=optimiser) -> torch.Tensor:
            optimiser.zero_grad(set_to_none=True)
            loss = loss_of(row, part(features, *given))
            loss.backward()
            return loss.detach()

        for number in range(ROUNDS + 1):
            started = time.perf_counter()
            if recipe.sam_rho is None:
                backward()
            else:
                sharpness_aware(backward, trained(part), rho=recipe.sam_rho)
            optimiser.step()
            if number:
                seconds.append(time.perf_counter() - started)
    each = np.array(seconds).reshape(len(parts), ROUNDS)
    return {
        "step_s": float(np.median(each, axis=1).sum()),
        "chunks": BATCH,
        "row_batch_size": row.batch_size,
        "peak_memory_bytes": peak_memory_bytes(),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }


def loss_of(row, output) -> torch.Tensor:
    """The loss of the row on targets without events."""
    if not isinstance(row, DenseRow):
        return torch.nn.functional.binary_cross_entropy_with_logits(output, torch.zeros_like(output))
    positives = torch.full((17,), 0.01)
    loss = score_loss(row.loss, output.scores, torch.zeros_like(output.scores), positives)
    if output.displacement is None:
        return loss
    zero = torch.zeros_like(output.displacement)
    return loss + displacement_loss(
        row.displacement, 2, predicted=output.displacement, log_variance=output.log_variance, wanted=zero, near=zero + 1
    )


@pytest.mark.parametrize("name", HEADS)
def test_step(benchmark, name: str) -> None:
    def run() -> None:
        benchmark.extra_info |= measured(name)

    benchmark.pedantic(run, rounds=1)
    assert benchmark.extra_info["step_s"] > 0


def measured(name: str) -> dict[str, float]:
    """`measure` in a process of its own."""
    done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def print_all() -> None:
    """All heads, each as soon as it is measured."""
    print(f"| head | parameters | seconds a step of {BATCH} chunks | peak memory, GiB |\n| --- | --- | --- | --- |")
    for name in HEADS:
        found = measured(name)
        memory = found["peak_memory_bytes"] / 2**30
        print(f"| `{name}` | {found['parameters']:,} | {found['step_s']:.2f} | {memory:.1f} |", flush=True)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1]))) if sys.argv[1:] else print_all()
