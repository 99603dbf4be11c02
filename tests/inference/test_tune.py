"""`tune`: every trial is recorded with the score that its steps give, and only validation games are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.inference import tune as tuning
from soccerbench.inference.run import load_run
from soccerbench.inference.tune import tune
from soccerbench.progress import silent
from soccerbench.soccernet.archive import Tree
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting_steps import Nms


@pytest.fixture
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "HARD_S", (3.0, 20.0))
    monkeypatch.setattr(tuning, "SOFT_S", (8.0,))


@pytest.mark.usefixtures("few_windows")
def test_every_trial_is_recorded_and_the_best_is_the_best(
    trained: Callable[..., Path], tiny_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, root = trained("table2", 8), Dataset(tiny_root)
    read, plain = [], Tree.read
    monkeypatch.setattr(Tree, "read", lambda self, name: read.append(name) or plain(self, name))
    found = tune(load_run(folder, device="cpu"), root, tolerances="tight")
    assert [trial.steps[0]["step"] for trial in found.trials] == ["nms"] * 3 + ["soft-nms"] * 6
    assert found.best == max(found.trials, key=lambda trial: trial.tight).steps
    by_class = found.trials[2]
    assert all(
        value >= max(trial.per_class[name] for trial in found.trials[:2]) - 1e-12
        for name, value in by_class.per_class.items()
    )
    assert by_class.tight >= max(trial.tight for trial in found.trials[:2]) - 1e-12
    assert not any(game in name for name in read for split in ("test", "challenge") for game in root.games[split])


@pytest.mark.usefixtures("few_windows")
def test_a_trial_scores_what_a_row_with_its_steps_scores(
    trained: Callable[..., Path], tiny_root: Path, tmp_path: Path
) -> None:
    """The validation game made the test game of a run with the same weights."""
    folder, splits = trained("table2", 8), json.loads((tiny_root / "splits.json").read_text())
    found = tune(load_run(folder, device="cpu"), Dataset(tiny_root))
    splits["test"] = splits["valid"]
    (tiny_root / "splits.json").write_text(json.dumps(splits))
    row = load_table("table2", mini=True, settings=[("max_epochs", 1), ("batch_size", 8)]).row(8)
    changed = row.model_copy(update={"nms_s": None, "postprocess": (Nms(step="nms", window_s=3.0),)})
    result = Planner(Dataset(tiny_root), tmp_path).experiment(changed, 0).run(device="cpu", progress=silent)
    assert result.scores["test"]["tight"].average_map == pytest.approx(found.trials[0].tight, abs=1e-12)


def test_the_test_split_is_refused(trained: Callable[..., Path], shared_tiny_root: Path) -> None:
    run = load_run(trained("table2", 8), device="cpu")
    for split in ("test", "challenge", "train"):
        with pytest.raises(ValueError, match=f"--split {split}: post-processing is tuned on valid alone"):
            tune(run, Dataset(shared_tiny_root), split=split)


def test_a_head_that_learned_from_valid_is_refused(trained: Callable[..., Path], shared_tiny_root: Path) -> None:
    run = load_run(trained("table2", 9), device="cpu")
    with pytest.raises(InputError, match="learned from the validation games; tune the same row in regular mode"):
        tune(run, Dataset(shared_tiny_root))


@pytest.mark.usefixtures("few_windows")
def test_the_command_writes_what_it_tried(trained: Callable[..., Path], shared_tiny_root: Path) -> None:
    folder = trained("table2", 8)
    done = CliRunner().invoke(app, ["tune", str(folder), "--data", str(shared_tiny_root), "--tolerances", "loose"])
    assert done.exit_code == 0, done.output
    content = json.loads((folder / "tuning.json").read_text())
    assert (content["split"], content["tolerances"], len(content["trials"])) == ("valid", "loose", 9)
    assert "no game of test or challenge was read" in done.output
    assert "postprocess:" in done.output
