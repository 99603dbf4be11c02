"""`finetune` from end to end on a root of videos a few seconds long, and what it says to input it cannot use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.experiments.results import Accuracy, SplitAccuracy
from soccerbench.report.figures.confusion import shares
from soccerbench.report.tables.checks import accuracy_table
from soccerbench.simulation.videos.write import write_videos

SMALL = (
    "backbone=resnet14", "size=16", "clip.frames=2", "clip.fps=1", "batch_size=4", "max_epochs=1", "plateau=null",
)  # fmt: skip

NETWORK = """
from soccerbench.video.models.base import Extractor


class MeanColour(Extractor):
    def __init__(self, *, width, dropout, mean, std, size, frames):
        super().__init__(width=width, classes=18, dropout=dropout, mean=mean, std=std)

    def per_frame(self, images):
        return self.normalise(images).mean((2, 3))

    def per_clip(self, frames):
        return frames.mean(1)
"""
TABLE = """
table: mine
title: Mine
source: none
task: recognition
rows:
  - {row: 1, model: own-mean-colour, network: "my_net:MeanColour", architecture: mean colour, backbone: none,
     pretraining: none, width: 3, parameters: null, clip: {frames: 2, fps: 1}, size: 16, mean: [0.5, 0.5, 0.5],
     std: [0.25, 0.25, 0.25], dropout: 0.0, augmentation: {jitter_s: 0, crop: 1, flip: 0, colour: 0},
     learning_rate: 0.001, weight_decay: 0, batch_size: 4, max_epochs: 1, plateau: null, annealing: null}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_videos(folder / "small", games=4, minutes=0.3)
    done = CliRunner().invoke(app, ["snippets", str(folder / "small"), str(folder), "--background-per-half", "1"])
    assert done.exit_code == 0, done.output
    return folder


def finetune(folder: Path, *words: str, model: str = "ircsn") -> Result:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    command = ["finetune", model, "--snippets", str(folder), "--out", str(folder / "runs"), "--device", "cpu"]
    return CliRunner().invoke(app, [*command, *settings, *words])


def test_it_writes_a_folder_and_prints_a_table(folder: Path) -> None:
    done = finetune(folder)
    assert done.exit_code == 0, done.output
    written = folder / "runs" / "small" / "finetuned" / "ircsn" / "seed-0"
    assert {file.name for file in written.iterdir()} == {
        "identity.json", "spec.yaml", "checkpoint.pt", "history.csv", "accuracy.json", "confusion.png", "confusion.svg",
    }  # fmt: skip
    record = json.loads((written / "accuracy.json").read_bytes())
    assert "Simulated videos" in done.output
    assert "Yellow->red card" in done.output
    assert f"{100 * record['top1']:.1f}" in done.output
    assert record["started_from"] == "random weights"
    assert "Started from random weights." in done.output
    assert (written / "confusion.png").read_bytes().startswith(b"\x89PNG")

    pictures = [(written / f"confusion.{kind}").read_bytes() for kind in ("png", "svg")]
    again = finetune(folder)
    assert again.output == done.output
    assert [(written / f"confusion.{kind}").read_bytes() for kind in ("png", "svg")] == pictures


@pytest.mark.parametrize(("words", "model", "said"), [
    ((), "slowfast", "known: tpn-r50"),
    (("--set", "size"), "ircsn", "write key=value"),
    (("--set", "epochs=3"), "ircsn", "no row"),
    (("--set", "backbone=resnet18"), "ircsn", "bottlenecks"),
    (("--device", "tpu"), "ircsn", "unknown device"),
    (("--log", "paper"), "ircsn", "known are"),
    (("--init", "none.pt"), "ircsn", "cannot be read"),
])  # fmt: skip
def test_what_it_cannot_use_is_one_line(
    folder: Path, tmp_path: Path, words: tuple[str, ...], model: str, said: str
) -> None:
    done = finetune(folder, *words, "--out", str(tmp_path), model=model)
    assert isinstance(done.exception, ValueError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_custom_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(NETWORK)
    (tmp_path / "mine.yaml").write_text(TABLE)
    own = ("finetune", "own-mean-colour", "--table", str(tmp_path / "mine.yaml"), "--snippets", str(folder))
    command = [*own, "--out", str(tmp_path / "runs"), "--device", "cpu", "--plugin", str(tmp_path / "my_net.py")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "runs" / "small" / "finetuned" / "own-mean-colour" / "seed-0" / "checkpoint.pt").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "my_net.py").write_text(NETWORK + "# changed\n")
    changed = CliRunner().invoke(app, [*command[:-1], str(tmp_path / "other" / "my_net.py")])
    assert "another code" in str(changed.exception)
    without = CliRunner().invoke(app, [*command[:-2], "--seed", "1"])
    assert "--plugin my_net.py" in str(without.exception)


def test_without_snippets_it_says_how_to_make_them(tmp_path: Path) -> None:
    done = finetune(tmp_path)
    assert "soccerbench snippets ROOT OUT" in str(done.exception)


NAMES = ("background", "Goal", "Foul")
ON_VALID = SplitAccuracy(snippets=0, top1=None, per_class=dict.fromkeys(NAMES), confusion=[[0] * 3] * 3)
ON_TEST = SplitAccuracy(
    snippets=5, top1=0.6, per_class={"background": 0.5, "Goal": 2 / 3, "Foul": None},
    confusion=[[1, 1, 0], [1, 2, 0], [0, 0, 0]],
)  # fmt: skip
RECORD = Accuracy(
    model="ircsn", dataset="videos", simulated=False, seed=0, labels="annotated", view="one clip", top1=0.6,
    per_class=ON_TEST.per_class, splits={"valid": ON_VALID, "test": ON_TEST}, trained_on=9, classes=NAMES, spec={},
    digest="", identity={}, versions={}, device="cpu", threads=1, resumed_after_epoch=0, seconds=1,
    processor_seconds=1, peak_memory_bytes=1,
)  # fmt: skip


def test_the_table_of_accuracies() -> None:
    grid = accuracy_table(RECORD, title="ircsn, seed 0", folder=Path("runs"))
    assert grid.header == ("class", "valid snippets", "valid top-1", "test snippets", "test top-1")
    assert grid.lines == (
        ("background", "0", "-", "2", "50.0"),
        ("Goal", "0", "-", "3", "66.7"),
        ("Foul", "0", "-", "0", "-"),
        ("all", "0", "-", "5", "60.0"),
    )
    assert len(grid.notes) == 1


def test_the_matrix_is_in_per_cent_of_its_rows() -> None:
    import numpy as np

    found = shares(np.array(ON_TEST.confusion))
    assert found.tolist() == [[50, 50, 0], [pytest.approx(100 / 3), pytest.approx(200 / 3), 0], [0, 0, 0]]
