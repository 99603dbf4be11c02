"""An experiment with a dense head whose displacement is trained apart: one folder, resumed in either training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interruption import Killed, killing_at

from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.inference.run import load_run
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting

SMALL = ("max_epochs=2", "chunks_per_epoch=12", "batch_size=4", "chunk_s=16", "stride_s=8", "border_s=4")
STEPS = 2 * 3  # of each training


def experiment(root: Path, out: Path, head: str) -> Experiment:
    rows = load_table("table2plus", mini=True, settings=[parse_setting(text) for text in SMALL]).rows
    small: Any = next(row for row in rows if row.head == head)
    if head == "unet":
        small = small.model_copy(update={"architecture": {"projections": (8,), "widths": (8, 12)}})
    return Planner(Dataset(root), out).experiment(small, 0)


@pytest.fixture(scope="module")
def uninterrupted(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    made = experiment(shared_tiny_root, tmp_path_factory.mktemp("runs"), "unet")
    made.run(device="cpu", progress=silent)
    return made


def test_both_trainings_are_in_the_folder_of_the_run(uninterrupted: Experiment) -> None:
    folder = uninterrupted.folder
    for part in (folder, folder / "displacement"):
        assert len((part / "history.csv").read_text().splitlines()) == 3
    weights = torch.load(folder / "checkpoint.pt", weights_only=True)["model"]
    displacement = torch.load(folder / "displacement/checkpoint.pt", weights_only=True)["model"]
    heads = {name.removeprefix("head."): value for name, value in displacement.items() if name.startswith("head.")}
    assert heads
    for name, value in heads.items():
        assert torch.equal(weights[f"head.displacement.{name}"], value)
        assert not torch.equal(weights[f"head.scores.{name}"], value) or not value.abs().sum()


@pytest.mark.parametrize("steps", [5, STEPS + 4])
def test_stopped_in_either_training_it_ends_where_the_uninterrupted_run_ends(
    uninterrupted: Experiment, tmp_path: Path, steps: int
) -> None:
    made = experiment(uninterrupted.root.path, tmp_path, "unet")
    with pytest.raises(Killed):
        made.run(device="cpu", progress=killing_at(steps))
    assert (made.folder / "displacement/checkpoint.pt").exists() == (steps > STEPS // 2)
    torch.manual_seed(1)
    made.run(device="cpu", progress=silent)
    for name in ("predictions-test.zip", "history.csv", "displacement/history.csv"):
        assert (made.folder / name).read_bytes() == (uninterrupted.folder / name).read_bytes()
    one, other = (
        torch.load(each.folder / "checkpoint.pt", weights_only=True)["model"] for each in (made, uninterrupted)
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_trained_run_finds_in_memory_what_it_wrote(uninterrupted: Experiment) -> None:
    run = load_run(uninterrupted.folder, device="cpu")
    game = uninterrupted.games["test"][0]
    store = uninterrupted.root.store(run.row.blocks)
    halves = {half: store.take(game, half, np.arange(store.length(game, half))) for half in (1, 2)}
    found = run.predict(halves, fps=1)
    assert len(found) > 0
    assert found["confidence"].between(0, 1).all()
