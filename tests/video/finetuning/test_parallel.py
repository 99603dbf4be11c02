"""A fine-tuning on two processes: the losses of one process within rounding, and what is drawn and written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from soccerbench.progress import silent
from soccerbench.specs.load import parse_setting
from soccerbench.specs.video_models import ExtractorRow, load_extractors
from soccerbench.training.history import read_history
from soccerbench.video.finetuning.manifest import read_manifest
from soccerbench.video.finetuning.run import FineTuneRun
from soccerbench.video.finetuning.task import FineTuning

SETTINGS = (
    "backbone=vit_tiny_patch16_224", "layers=1", "size=32", "clip.frames=2", "clip.fps=1", "batch_size=5",
    "max_epochs=2", "learning_rate=1e-4", "plateau=null", "dropout=0", "encoder_dropout=0",
)  # fmt: skip


FULL = pytest.mark.skipif(
    os.environ.get("SOCCERBENCH_PARITY") != "full", reason="imports torch twice: run by tox -e cluster"
)


def tiny_row() -> ExtractorRow:
    return load_extractors(models=["vtn"], settings=[parse_setting(text) for text in SETTINGS]).of("vtn")


def made(snippets: Path, out: Path, **options: Any) -> FineTuneRun:
    return FineTuneRun(tiny_row(), read_manifest(snippets), seed=0, out=out, **options)


@FULL
def test_two_processes_have_the_losses_of_one(one_thread: None, snippets: Path, tmp_path: Path) -> None:
    one, two = made(snippets, tmp_path / "one"), made(snippets, tmp_path / "two", processes=2)
    found = [run.run(device="cpu", progress=silent) for run in (one, two)]
    assert found[0].identity == found[1].identity
    curves = [read_history(run.folder / "history.csv") for run in (one, two)]
    for alone, shared in zip(*curves, strict=True):
        assert shared.train_loss == pytest.approx(alone.train_loss, rel=1e-4)
        assert shared.valid_loss == pytest.approx(alone.valid_loss, rel=1e-4)
    assert curves[0][0].train_loss != curves[0][1].train_loss
    weights = [torch.load(run.folder / "checkpoint.pt", weights_only=True)["model"] for run in (one, two)]
    assert weights[0].keys() == weights[1].keys()


class Numbered:
    """Snippets whose frames are their number."""

    def take(self, indices: list[int]) -> list[NDArray[np.uint8]]:
        return [np.full((2, 4, 4, 3), index, np.uint8) for index in indices]


@pytest.mark.parametrize("count", [2, 3])
def test_shares_are_the_batches_of_one_process(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    task = FineTuning(tiny_row(), Numbered(), np.arange(13), None)  # type: ignore[arg-type]

    def batches(rank: int, of: int) -> list[tuple[Any, ...]]:
        monkeypatch.setattr("soccerbench.video.finetuning.task.rank_and_count", lambda: (rank, of))
        return list(task.batches(np.random.default_rng(3)))

    whole, shares = batches(0, 1), [batches(rank, count) for rank in range(count)]
    assert [len(batch[1]) for batch in whole] == [5, 4, 4]
    for number, (clips, targets) in enumerate(whole):
        for rank in range(count):
            assert torch.equal(shares[rank][number][0], clips[rank::count])
            assert torch.equal(shares[rank][number][1], targets[rank::count])


@FULL
def test_a_batch_needs_a_clip_for_each_process(snippets: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--gpus 8: a batch has fewer clips; set a larger batch_size"):
        made(snippets, tmp_path, processes=8).run(device="cpu", progress=silent)
