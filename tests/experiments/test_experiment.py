"""One experiment: the same bits however often it is interrupted, and nothing of another run overwritten."""

from __future__ import annotations

import gc
import json
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked import kill_after_step, kill_before_rename
from interruption import Killed, killing_at

from soccerbench.errors import InputError, SpecError
from soccerbench.experiments.executors.experiment_tasks import waits
from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.specs.spotting_steps import SoftNms
from soccerbench.tasks import frame_task, windows
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.tasks.windows import CachedRows
from soccerbench.training import checkpoint
from soccerbench.training import loop as training

EPOCHS = 4


def experiment(
    root: Path, out: Path, *, row: int = 7, seed: int = 0, epochs: int = EPOCHS, settings: tuple[str, ...] = ()
) -> Experiment:
    """A row of Table 2 on a tiny root, a few epochs long."""
    pairs = [parse_setting(text) for text in (f"max_epochs={epochs}", "batch_size=8", *settings)]
    spec = next(spec for spec in load_table("table2", mini=True, settings=pairs).rows if spec.row == row)
    return Planner(Dataset(root), out).experiment(spec, seed)


def outcome(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Scores and weights of a finished run."""
    result = json.loads((folder / "result.json").read_text())
    return {key: result[key] for key in ("scores", "games", "digest")}, torch.load(
        folder / "checkpoint.pt", weights_only=True
    )["model"]


def assert_same(one: Path, other: Path) -> None:
    """Both folders hold the same numbers, bit for bit."""
    (scores, weights), (other_scores, other_weights) = outcome(one), outcome(other)
    assert scores == other_scores
    assert weights.keys() == other_weights.keys()
    for name, value in weights.items():
        assert torch.equal(value, other_weights[name]), name
    for split in ("test", "challenge"):
        name = f"predictions-{split}.zip"
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.fixture(scope="module", params=[7, 8], ids=["transformer", "netvlad++"])
def uninterrupted(
    request: pytest.FixtureRequest, shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Experiment:
    made = experiment(shared_tiny_root, tmp_path_factory.mktemp("runs"), row=request.param)
    made.run(device="cpu", progress=silent)
    return made


one_head = pytest.mark.parametrize("uninterrupted", [8], indirect=True)  # for what does not depend on the head


@one_head
def test_files_of_a_finished_run(uninterrupted: Experiment) -> None:
    names = {file.name for file in uninterrupted.folder.iterdir()}
    assert names == {
        "identity.json", "spec.yaml", "result.json", "history.csv", "checkpoint.pt", "log.txt",
        "predictions-test.zip", "predictions-challenge.zip",
    }  # fmt: skip
    result = json.loads((uninterrupted.folder / "result.json").read_text())
    assert set(result["scores"]) == {"test", "challenge"}
    assert set(result["scores"]["test"]) == {"loose", "tight"}
    assert result["peak_memory_bytes"] > 2**20
    assert len((uninterrupted.folder / "history.csv").read_text().splitlines()) == EPOCHS + 1


@pytest.mark.parametrize("steps", [1, 11, 20, 21])
def test_stopped_at_any_step_it_ends_where_the_uninterrupted_run_ends(
    uninterrupted: Experiment, tmp_path: Path, steps: int
) -> None:
    made = experiment(uninterrupted.root.path, tmp_path, row=uninterrupted.row.row)
    with pytest.raises(Killed):
        made.run(device="cpu", progress=killing_at(steps))
    assert not (made.folder / "result.json").exists()
    torch.manual_seed(1)
    made.run(device="cpu", progress=silent)
    assert_same(uninterrupted.folder, made.folder)


@one_head
@pytest.mark.parametrize("saves", [1, EPOCHS])
def test_killed_between_the_renames_of_a_checkpoint(
    uninterrupted: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    made = experiment(uninterrupted.root.path, tmp_path, row=uninterrupted.row.row)
    rename, count = Path.replace, 0

    def replace(self: Path, target: Path) -> Path:
        nonlocal count
        if self.name == "checkpoint-new.pt" and target.name == checkpoint.CHECKPOINT:
            count += 1
            if count == saves:
                raise Killed
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with pytest.raises(Killed):
            made.run(device="cpu", progress=silent)
    made.run(device="cpu", progress=silent)
    assert_same(uninterrupted.folder, made.folder)


@one_head
@pytest.mark.parametrize("damage", [lambda data: data[:-50], lambda data: data[:2000] + b"\xff" + data[2001:]])
def test_a_damaged_checkpoint_is_said_set_aside_and_its_epoch_done_again(
    uninterrupted: Experiment, tmp_path: Path, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made = experiment(uninterrupted.root.path, tmp_path, row=uninterrupted.row.row)

    def stop(stage: str, done: int, total: int) -> None:
        if stage.startswith(f"epoch {EPOCHS}"):
            raise Killed

    with pytest.raises(Killed):
        made.run(device="cpu", progress=stop)
    file = made.folder / "checkpoint.pt"
    file.write_bytes(damage(file.read_bytes()))
    stages: list[str] = []
    made.run(device="cpu", progress=lambda stage, *_: stages.append(stage))
    assert f"epoch {EPOCHS - 1}/{EPOCHS}" in stages
    assert f"epoch {EPOCHS - 2}/{EPOCHS}" not in stages
    assert "set aside as checkpoint.pt.damaged" in caplog.text
    assert (made.folder / "checkpoint.pt.damaged").exists()
    assert_same(uninterrupted.folder, made.folder)


def test_rows_that_differ_in_steps_alone_share_a_training(
    shared_tiny_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = experiment(shared_tiny_root, tmp_path, row=8, epochs=1)
    first.run(device="cpu", progress=silent)
    soft = SoftNms(step="soft-nms", window_s=8.0, decay="squared")
    row = first.row.model_copy(update={"row": 9, "nms_s": None, "postprocess": (soft,)})
    other = Planner(Dataset(shared_tiny_root), tmp_path).experiment(row, 0)
    assert waits([first, other])[other.folder] == {first.folder}
    with caplog.at_level("INFO"):
        other.run(device="cpu", progress=silent)
    assert f"the head is that of {first.folder}" in caplog.text
    (scores, weights), (other_scores, other_weights) = outcome(first.folder), outcome(other.folder)
    assert all(torch.equal(value, other_weights[name]) for name, value in weights.items())
    assert scores["scores"] != other_scores["scores"]
    assert (other.folder / "history.csv").read_bytes() == (first.folder / "history.csv").read_bytes()


def test_a_row_of_another_training_shares_none(shared_tiny_root: Path, tmp_path: Path) -> None:
    one, other = (experiment(shared_tiny_root, tmp_path, row=8, settings=(f"shift_s={shift}",)) for shift in (0, 0.5))
    assert one.identity.model != other.identity.model


def test_seconds_are_those_of_all_sessions(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(shared_tiny_root, tmp_path)
    with pytest.raises(Killed):
        made.run(device="cpu", progress=_stop_in_epoch_3)
    state = checkpoint.load(made.folder)
    assert state is not None
    assert state.pop("seconds") > 0
    checkpoint.save(made.folder, state | {"seconds": 1000.0})
    assert 1000 < made.run(device="cpu", progress=silent).seconds < 1100


def test_killed_with_sigkill_at_three_points(shared_tiny_root: Path, tmp_path: Path) -> None:
    whole, killed = (experiment(shared_tiny_root, tmp_path / name, epochs=6) for name in ("whole", "killed"))
    command = ["reproduce", "table2", "--rows", "7", "--data", shared_tiny_root, "--out", killed.out]
    command += ["--set", "max_epochs=6", "--set", "batch_size=8"]
    kill_after_step(command, count=27)  # in the third epoch of eleven steps
    kill_before_rename(command, file="checkpoint.pt", count=2)  # of the fourth epoch
    kill_before_rename(command, file="checkpoint-previous.pt", count=2)  # of the fifth, to make room for the sixth
    assert not (killed.folder / "result.json").exists()
    stages: list[str] = []
    killed.run(device="cpu", progress=lambda stage, *_: stages.append(stage))
    assert "epoch 5/6" not in stages
    assert "epoch 6/6" in stages
    whole.run(device="cpu", progress=silent)
    assert_same(whole.folder, killed.folder)


@one_head
def test_a_finished_run_is_read_and_not_run_again(uninterrupted: Experiment) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in uninterrupted.folder.iterdir()}
    result = uninterrupted.run(device="cpu", progress=silent, force=True)
    assert result.row == uninterrupted.row.row
    assert {file.name: file.stat().st_mtime_ns for file in uninterrupted.folder.iterdir()} == before


def test_narrow_features_take_one_thread_and_give_the_others_back(shared_tiny_root: Path, tmp_path: Path) -> None:
    given = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        result = experiment(shared_tiny_root, tmp_path, epochs=1).run(device="cpu", progress=silent)
        assert result.threads == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(given)


@pytest.mark.parametrize("stopped", [False, True])
def test_no_features_are_held_after_a_run(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    held: list[weakref.ref[CachedRows]] = []

    def hold(*arguments: Any) -> CachedRows:
        rows = CachedRows(*arguments)
        held.append(weakref.ref(rows))
        return rows

    monkeypatch.setattr(frame_task, "has_room", lambda *_: True)
    monkeypatch.setattr(windows, "CachedRows", hold)
    made = experiment(shared_tiny_root, tmp_path)
    if stopped:
        with pytest.raises(Killed):
            made.run(device="cpu", progress=_stop_in_epoch_3)
        gc.collect()  # of the traceback
    else:
        made.run(device="cpu", progress=silent)
    assert [rows() for rows in held] == [None, None]  # of training and of validation


@one_head
def test_seeds_differ(uninterrupted: Experiment, tmp_path: Path) -> None:
    other = experiment(uninterrupted.root.path, tmp_path, row=uninterrupted.row.row, seed=1)
    other.run(device="cpu", progress=silent)
    assert outcome(other.folder)[0]["scores"] != outcome(uninterrupted.folder)[0]["scores"]


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_another_spec_is_not_overwritten_without_force(
    shared_tiny_root: Path, tmp_path: Path, finished: bool
) -> None:
    first = experiment(shared_tiny_root, tmp_path)
    if finished:
        first.run(device="cpu", progress=silent)
    else:
        with pytest.raises(Killed):
            first.run(device="cpu", progress=_stop_in_epoch_3)
    kept = (first.folder / "checkpoint.pt").read_bytes()
    changed = experiment(shared_tiny_root, tmp_path, settings=("nms_s=12",))
    with pytest.raises(InputError, match="holds a run of another spec; run it again with --force"):
        changed.prepare(force=False)
    assert (first.folder / "checkpoint.pt").read_bytes() == kept
    changed.prepare(force=True)
    with pytest.raises(Killed):
        changed.run(device="cpu", progress=_stop_in_epoch_3, force=True)
    assert (first.folder.with_name("seed-0.replaced") / "checkpoint.pt").read_bytes() == kept
    changed.run(device="cpu", progress=silent, force=True)
    assert not first.folder.with_name("seed-0.replaced").exists()
    assert json.loads((first.folder / "result.json").read_text())["digest"] == changed.row.digest()


def _stop_in_epoch_3(stage: str, done: int, total: int) -> None:
    if stage.startswith("epoch 3"):
        raise Killed


def test_other_data_are_noticed(tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(tiny_root, tmp_path, epochs=1)
    made.run(device="cpu", progress=silent)
    file = tiny_root / made.root.games["train"][0] / "2_baidu_soccer_embeddings.npy"
    values = np.load(file)
    np.save(file, values + 0.25)
    with pytest.raises(InputError, match="another data"):
        experiment(tiny_root, tmp_path, epochs=1).prepare(force=False)


@pytest.mark.parametrize(
    "blocks",
    [
        {name: {"fps": 2} for name in ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")},
        {"tpn-r101": {"width": 8}, "gta": {"width": 4}},  # the same columns, shared out otherwise
    ],
)
def test_another_description_of_the_same_files_is_noticed(
    tiny_root: Path, tmp_path: Path, blocks: dict[str, dict[str, int]]
) -> None:
    before = experiment(tiny_root, tmp_path).identity
    file = tiny_root / "features.json"
    content = json.loads(file.read_text())
    for name, entries in blocks.items():
        content["blocks"][name] |= entries
    file.write_text(json.dumps(content))
    assert experiment(tiny_root, tmp_path).identity.data != before.data


def test_a_plateau_needs_validation_games(tiny_root: Path, tmp_path: Path) -> None:
    file = tiny_root / "splits.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"valid": []}))
    with pytest.raises(InputError, match=r"splits\.json: valid: no games .*; give it .* --set plateau=null"):
        experiment(tiny_root, tmp_path, row=8).prepare(force=False)
    without = experiment(tiny_root, tmp_path, row=8, epochs=1, settings=("plateau=null",))
    without.prepare(force=False)
    without.run(device="cpu", progress=silent)


@pytest.mark.parametrize("row", [7, 8])
def test_training_needs_games(tiny_root: Path, tmp_path: Path, row: int) -> None:
    file = tiny_root / "splits.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"train": []}))
    with pytest.raises(InputError, match=r"splits\.json: train: no games to train table2 row"):
        experiment(tiny_root, tmp_path, row=row).prepare(force=False)


def test_a_chunk_that_is_no_whole_number_of_rows_is_refused_before_training(
    shared_tiny_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=r"chunk_s: 6\.5 s is 6\.5 feature rows"):
        experiment(shared_tiny_root, tmp_path, settings=("chunk_s=6.5",)).prepare(force=False)


def test_a_result_that_is_none(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(shared_tiny_root, tmp_path, epochs=1)
    made.folder.mkdir(parents=True)
    (made.folder / "result.json").write_text("{")
    for begin in (made.prepare, partial(made.run, device="cpu", progress=silent)):
        with pytest.raises(InputError, match=r"is not a result .*; run its row again with --force"):
            begin(force=False)
    assert not made.kept.is_complete
    made.prepare(force=True)
    made.run(device="cpu", progress=silent, force=True)
    assert made.kept.is_complete


def test_ultra_learns_from_test_and_says_nothing_about_it(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(shared_tiny_root, tmp_path, row=10, epochs=1)
    result = made.run(device="cpu", progress=silent)
    assert result.scores["test"] is None
    assert result.scores["challenge"]["loose"].average_map >= 0
    assert (made.folder / "predictions-test.zip").exists()
    history = (made.folder / "history.csv").read_text()
    assert all(line.endswith(",") for line in history.splitlines()[1:])  # no validation loss
    assert [training.learns for training in made.trainings] == [("train", "valid", "test")]


@pytest.mark.parametrize(("losses", "best"), [((3.0, 1.0, 2.0, 4.0), 2), ((4.0, 3.0, 2.0, 1.0), 4), ((1.0,) * 4, 1)])
def test_the_best_epoch_by_validation_is_kept(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, losses: tuple[float, ...], best: int
) -> None:
    def weights(folder: str, scripted: tuple[float, ...]) -> dict[str, torch.Tensor]:
        script = iter(scripted)
        monkeypatch.setattr(training, "_valid_loss", lambda *_: next(script))
        made = experiment(shared_tiny_root, tmp_path / folder, settings=(f"max_epochs={len(scripted)}",))
        made.run(device="cpu", progress=silent)
        return outcome(made.folder)[1]

    whole, short = weights("whole", losses), weights("short", tuple(range(best, 0, -1)))
    assert all(torch.equal(value, short[name]) for name, value in whole.items())


@pytest.mark.parametrize("where", ["validation", "training"])
def test_a_loss_that_is_no_number_stops_the_run(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    made = experiment(shared_tiny_root, tmp_path)
    if where == "validation":
        monkeypatch.setattr(training, "_valid_loss", lambda *_: float("nan"))
    else:
        monkeypatch.setattr(SpottingTask, "loss", lambda *_: torch.tensor(float("inf"), requires_grad=True))
    with pytest.raises(InputError, match=r"epoch 1: the loss is (nan|inf); set a lower learning_rate"):
        made.run(device="cpu", progress=silent)
    assert not (made.folder / "checkpoint.pt").exists()


def test_a_full_disk_loses_nothing(shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole = experiment(shared_tiny_root, tmp_path), experiment(shared_tiny_root, tmp_path / "whole")
    whole.run(device="cpu", progress=silent)
    save, count = torch.save, 0

    def fill_up(*arguments: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError(28, "No space left on device")
        save(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", fill_up)
        with pytest.raises(InputError, match=r"No space left on device\); free some space"):
            made.run(device="cpu", progress=silent)
    assert not list(made.folder.glob("*.part"))
    made.run(device="cpu", progress=silent)
    assert_same(whole.folder, made.folder)
