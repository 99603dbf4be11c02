"""Training from a packed root: the same bits as from the plain one, and nothing lost when its files go bad."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting


def experiment(root: Path, out: Path) -> Experiment:
    settings = [parse_setting(text) for text in ("max_epochs=3", "batch_size=8")]
    row = next(row for row in load_table("table2", mini=True, settings=settings).rows if row.row == 7)
    return Planner(Dataset(root), out).experiment(row, 0)


def outcome(made: Experiment) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    result = json.loads((made.folder / "result.json").read_text())
    weights = torch.load(made.folder / "checkpoint.pt", weights_only=True)["model"]
    return {key: result[key] for key in ("scores", "data_fingerprint")}, weights


def assert_same(one: Experiment, other: Experiment) -> None:
    (scores, weights), (other_scores, other_weights) = outcome(one), outcome(other)
    assert scores == other_scores
    assert all(torch.equal(value, other_weights[name]) for name, value in weights.items())


def test_packed_as_float32_it_is_the_same_bits(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "packed", dtype="float32")
    plain, packed = (experiment(root, tmp_path / "runs") for root in (shared_tiny_root, tmp_path / "packed"))
    for each in (plain, packed):
        each.run(device="cpu", progress=silent)
    assert_same(plain, packed)


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_truncated_while_training_is_named_and_the_run_resumes(
    shared_tiny_root: Path, tiny_root: Path, tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soccerbench.tasks.windows.CPU_BYTES", 0)  # too large a split to be kept in memory
    if packed:
        root = tmp_path / "packed"
        pack(shared_tiny_root, root, dtype="float32")
        file = root / "train-baidu_soccer_embeddings.npy"
    else:
        root = tiny_root
        file = root / Dataset(root).games["train"][0] / "2_baidu_soccer_embeddings.npy"
    whole, data = experiment(root, tmp_path / "whole"), file.read_bytes()
    whole.run(device="cpu", progress=silent)
    broken = experiment(root, tmp_path / "broken")

    def truncate(stage: str, done: int, total: int) -> None:
        if stage.startswith("epoch 2"):
            os.truncate(file, 4000)

    with pytest.raises(InputError, match="became shorter while it was read") as caught:
        broken.run(device="cpu", progress=truncate)
    assert caught.value.path == file
    file.write_bytes(data)
    again = experiment(root, tmp_path / "broken")
    again.run(device="cpu", progress=silent)
    assert_same(whole, again)
