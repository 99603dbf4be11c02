"""One fine-tuning and its folder: the same bits however often it is stopped, and nothing of another run overwritten."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked import kill_before_rename
from interruption import Killed, assert_waits_for_the_writer, killing_at

from soccerbench.errors import InputError
from soccerbench.experiments.results import read_accuracy
from soccerbench.progress import silent
from soccerbench.specs.load import parse_setting
from soccerbench.specs.video_models import load_extractors
from soccerbench.video.finetuning.annotated_games import games_of_splits, look_through
from soccerbench.video.finetuning.manifest import manifest_of, read_manifest, write_manifest
from soccerbench.video.finetuning.run import FineTuneRun

EPOCHS = 3
SETTINGS = (
    "backbone=resnet14", "size=16", "clip.frames=2", "clip.fps=1", "batch_size=4", f"max_epochs={EPOCHS}",
    "learning_rate=1e-3", "plateau=null", "annealing=cosine",
)  # fmt: skip


def made(snippets: Path, out: Path, *settings: str, **options: Any) -> FineTuneRun:
    row = load_extractors(models=["ircsn"], settings=[parse_setting(text) for text in (*SETTINGS, *settings)]).of(
        "ircsn"
    )
    return FineTuneRun(row, read_manifest(snippets), out=out, **{"seed": 0, **options})


@pytest.fixture(scope="module")
def uninterrupted(one_thread: None, snippets: Path, tmp_path_factory: pytest.TempPathFactory) -> FineTuneRun:
    run = made(snippets, tmp_path_factory.mktemp("runs"))
    run.run(device="cpu", progress=silent)
    return run


def outcome(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], bytes]:
    """What a run found, its weights and its learning curve; how long it took aside."""
    record = json.loads((folder / "accuracy.json").read_bytes())
    found = {key: record[key] for key in ("top1", "per_class", "splits", "identity", "spec", "digest")}
    weights = torch.load(folder / "checkpoint.pt", weights_only=True)["model"]
    return found, weights, (folder / "history.csv").read_bytes()


def assert_same(one: Path, other: Path) -> None:
    (found, weights, curve), (other_found, other_weights, other_curve) = outcome(one), outcome(other)
    assert found == other_found
    assert curve == other_curve
    assert weights.keys() == other_weights.keys()
    for name, value in weights.items():
        assert torch.equal(value, other_weights[name]), name


def test_the_folder_and_what_the_record_says(uninterrupted: FineTuneRun) -> None:
    folder = uninterrupted.folder
    assert folder == uninterrupted.out / "small" / "finetuned" / "ircsn" / "seed-0"
    written = {"identity.json", "spec.yaml", "checkpoint.pt", "history.csv", "accuracy.json"}
    assert {file.name for file in folder.iterdir()} == written
    record = read_accuracy(folder / "accuracy.json")
    assert record.version == 1
    assert record.simulated is True
    assert record.labels == "annotated"
    assert record.spec["changed"] == [setting.replace("null", "None") for setting in SETTINGS]
    assert record.trained_on == sum(snippet.split == "train" for snippet in uninterrupted.manifest.snippets)
    assert list(record.splits) == ["valid", "test"]
    for found in record.splits.values():
        assert sum(map(sum, found.confusion)) == found.snippets > 0
        assert tuple(found.per_class) == record.classes
    assert record.top1 == record.splits["test"].top1
    assert record.processor_seconds > 0
    assert record.resumed_after_epoch == 0
    assert len((folder / "history.csv").read_text().splitlines()) == EPOCHS + 1


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_stopped_at_any_step_it_ends_where_the_uninterrupted_run_ends(
    uninterrupted: FineTuneRun, snippets: Path, tmp_path: Path, steps: int
) -> None:
    run = made(snippets, tmp_path)
    with pytest.raises(Killed):
        run.run(device="cpu", progress=killing_at(steps))
    assert not (run.folder / "accuracy.json").exists()
    run.run(device="cpu", progress=silent)
    assert_same(uninterrupted.folder, run.folder)


def test_killed_with_sigkill_a_run_resumes_to_the_same_bits(
    uninterrupted: FineTuneRun, snippets: Path, tmp_path: Path
) -> None:
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    command = ["finetune", "ircsn", "--snippets", snippets, "--out", tmp_path, *words, "--device", "cpu"]
    kill_before_rename(command, file="checkpoint.pt", count=2)  # after the second epoch
    run = made(snippets, tmp_path)
    assert not (run.folder / "accuracy.json").exists()
    run.run(device="cpu", progress=silent)
    assert_same(uninterrupted.folder, run.folder)


def test_it_waits_for_another_process_that_runs_the_same(
    uninterrupted: FineTuneRun, snippets: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = made(snippets, tmp_path)
    assert_waits_for_the_writer(lambda: run.run(device="cpu", progress=silent), caplog, run.folder)
    assert_same(uninterrupted.folder, run.folder)


def test_a_finished_run_is_kept(uninterrupted: FineTuneRun, snippets: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in uninterrupted.folder.iterdir()}
    record = made(snippets, uninterrupted.out).run(device="cpu", progress=silent, force=True)
    assert record == read_accuracy(uninterrupted.folder / "accuracy.json")
    assert {file: file.stat().st_mtime_ns for file in uninterrupted.folder.iterdir()} == before


def test_a_run_of_another_identity_is_refused_and_replaced_only_when_forced(
    uninterrupted: FineTuneRun, snippets: Path, tmp_path: Path
) -> None:
    shutil.copytree(uninterrupted.out, tmp_path / "runs")
    other = made(snippets, tmp_path / "runs", "dropout=0.1", "max_epochs=1")
    with pytest.raises(InputError, match=r"another spec; .*--force"):
        other.run(device="cpu", progress=silent)
    begun = made(snippets, tmp_path / "runs", init=uninterrupted.folder / "checkpoint.pt")
    with pytest.raises(InputError, match="another init"):
        begun.run(device="cpu", progress=silent)
    record = other.run(device="cpu", progress=silent, force=True)
    assert record.spec["dropout"] == 0.1
    assert [folder.name for folder in other.folder.parent.iterdir()] == ["seed-0"]


def test_other_snippets_and_other_videos_are_another_identity(snippets: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(snippets.parent, copy)
    content = json.loads((copy / "snippets.json").read_bytes())
    content["roots"] = [str(copy / "small")]
    (copy / "snippets.json").write_text(json.dumps(content))
    mine = made(copy / "snippets.json", tmp_path)
    assert mine.identity() == made(snippets, tmp_path).identity()  # moving the videos changes nothing
    video = mine.manifest.videos[0].path
    video.write_bytes(video.read_bytes()[:-1] + b"!")
    assert made(copy / "snippets.json", tmp_path).identity()["data"] != mine.identity()["data"]
    video.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        made(copy / "snippets.json", tmp_path).identity()


def test_shuffled_labels_train_another_model_in_another_folder(
    uninterrupted: FineTuneRun, snippets: Path, tmp_path: Path
) -> None:
    control = made(snippets, tmp_path, shuffled=True)
    record = control.run(device="cpu", progress=silent)
    assert "finetuned-shuffled" in control.folder.parts
    assert record.labels == "shuffled"
    assert record.splits["test"].snippets == outcome(uninterrupted.folder)[0]["splits"]["test"]["snippets"]
    assert (control.folder / "history.csv").read_bytes() != (uninterrupted.folder / "history.csv").read_bytes()


def test_annealing_lowers_the_rate_along_half_a_cosine(uninterrupted: FineTuneRun) -> None:
    with (uninterrupted.folder / "history.csv").open() as stream:
        rates = [float(entry["learning_rate"]) for entry in csv.DictReader(stream)]
    expected = [1e-3 * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2 for epoch in range(EPOCHS)]
    np.testing.assert_allclose(rates, expected, rtol=1e-9)


def test_without_validation_snippets_there_is_no_plateau(snippets: Path, tmp_path: Path) -> None:
    found = look_through(games_of_splits(Path(read_manifest(snippets).roots[0]), ["train"]))
    write_manifest(tmp_path / "snippets.json", manifest_of(found, background_per_half=0, seed=0))
    plateau = ("annealing=null", "plateau={factor: 0.1, patience: 1, stop_below: 1e-6}")
    with pytest.raises(ValueError, match="--set plateau=null"):
        made(tmp_path / "snippets.json", tmp_path, *plateau).run(device="cpu", progress=silent)
    record = made(tmp_path / "snippets.json", tmp_path, "max_epochs=1").run(device="cpu", progress=silent)
    assert record.top1 is None


def test_a_damaged_record_is_named_and_replaced_when_forced(
    uninterrupted: FineTuneRun, tmp_path: Path, snippets: Path
) -> None:
    shutil.copytree(uninterrupted.out, tmp_path / "runs")
    run = made(snippets, tmp_path / "runs")
    (run.folder / "accuracy.json").write_text('{"model": "ircsn"}')
    with pytest.raises(InputError, match=r"accuracy\.json: lacks .*--force"):
        run.run(device="cpu", progress=silent)
    run.run(device="cpu", progress=silent, force=True)
    assert_same(uninterrupted.folder, run.folder)


def test_a_checkpoint_to_begin_with_must_be_there(snippets: Path, tmp_path: Path) -> None:
    assert os.access(snippets, os.R_OK)
    with pytest.raises(InputError, match="cannot be read"):
        made(snippets, tmp_path, init=tmp_path / "none.pt").run(device="cpu", progress=silent)
