"""The verb over `plan` and `run`."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from soccerbench.cli import app
from soccerbench.experiments.executors.machines import Machines

SMALL = ("size=32", "clip.frames=4", "vtn.backbone=vit_tiny_patch16_224", "vtn.layers=1")
OPTIONS = ["--models", "vtn", "--untrained", *(option for setting in SMALL for option in ("--set", setting))]


def called(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("extract", *arguments, "--device", "cpu")])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One game; two seconds a half."""
    for half in (1, 2):
        path = tmp_path / "root" / "league" / "season" / "game" / f"{half}.mkv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(20):
                picture = np.full((48, 64, 3), 10 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    return tmp_path / "root"


def test_extracts_reports_and_keeps(root: Path) -> None:
    first = called(root, *OPTIONS)
    assert first.exit_code == 0
    assert next(line.split()[1:4] for line in first.stdout.splitlines() if "done" in line) == ["done", "│", "2"]
    assert "[1/2] league/season/game, half 1: done" in first.stderr
    assert np.load(root / "league" / "season" / "game" / "2_vtn.npy").shape == (2, 384)
    again = called(root, *OPTIONS)
    assert again.exit_code == 0
    assert "[2/2] league/season/game, half 2: there" in again.stderr


def test_a_failed_half_is_named_and_is_exit_code_1(root: Path) -> None:
    (root / "league" / "season" / "game" / "2.mkv").write_bytes(b"")
    result = called(root, *OPTIONS)
    assert result.exit_code == 1
    assert "half 2" in result.stdout
    assert "2.mkv: is empty" in " ".join(result.stdout.split())
    assert (root / "league" / "season" / "game" / "1_vtn.npy").exists()


def test_options_reach_the_plan(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def note(folder: Path, **options: object) -> None:
        asked.update(root=folder, **options)
        raise ValueError("planned")

    monkeypatch.setattr("soccerbench.video.extraction.plan.plan", note)
    out = root.parent / "out"
    result = called(
        root, "--models", "vtn, gta", "--checkpoints", "runs", "--checkpoints", "vtn=x.pt", "--mega", "--out", out,
        "--games", "a", "--games", "b",
        "--on", "local", "--jobs", "3", "--cpus", "2", "--gpus", "0.5",
        "--batch", "5", "--precision", "float32",
        "--normalise", "none", "--set", "size=64", "--table", "mine.yaml", "--plugin", "my_net.py", "--force",
    )  # fmt: skip
    assert str(result.exception) == "planned"
    assert asked == {
        "root": root, "models": ["vtn", "gta"], "checkpoints": ["runs", "vtn=x.pt"], "untrained": False, "mega": True,
        "out": out, "games": ["a", "b"], "split": None, "device": "cpu", "machines": Machines("local", 3, 2, 0.5),
        "batch": 5,
        "precision": "float32", "normalise": "none", "settings": [("size", 64)], "force": True,
        "table": "mine.yaml", "plugin": Path("my_net.py"),
    }  # fmt: skip


def test_the_keyboard_stops_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("soccerbench.video.extraction.half.slide", interrupted)
    result = called(root, *OPTIONS)
    assert result.exit_code == 130
    assert "Nothing is lost" in result.stderr
    assert not [path for path in root.rglob("*") if path.suffix in (".npy", ".part")]
    monkeypatch.undo()
    assert called(root, *OPTIONS).exit_code == 0
    assert json.loads((root / "features.json").read_bytes())["simulated"] == {"untrained": ["vtn"]}
