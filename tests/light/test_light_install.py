"""The light install: scoring, comparing, data and reports work without torch, and other commands say what to install.

The packages of the extra `train` are blocked here, so that the tests also mean something where they are installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = ("av", "safetensors", "timm", "torch", "torchvision", "SoccerNet")
PROGRAM = f"import sys; sys.modules.update(dict.fromkeys({TRAIN})); from soccerbench.cli import main; main()"


def soccerbench(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one command without the packages of `train`."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest simulated dataset, and predictions for its only test game."""
    root = tmp_path_factory.mktemp("light") / "mini"
    made = soccerbench("data", "mini", root, "--games", 4)
    assert made.returncode == 0, made.stderr
    game = json.loads((root / "splits.json").read_text())["test"][0]
    events = json.loads((root / game / "Labels-v2.json").read_text())["annotations"]
    predictions = [
        {"half": one["gameTime"][0], "label": one["label"], "position": one["position"], "confidence": "0.5"}
        for one in events
    ]
    (root / game / "results_spotting.json").write_text(json.dumps({"predictions": predictions}))
    return root


def test_evaluate_scores_perfect_predictions_as_one(root: Path) -> None:
    files = ("--labels", root, "--predictions", root, "--bootstrap", 10)
    done = soccerbench("evaluate", "spotting", *files, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["average_map"] == 1


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("show", "table2", "7"),
        ("compare", "{root}", "{root}", "--labels", "{root}", "--task", "spotting", "--repetitions", "10"),
        ("data", "verify", "{root}"),
        ("data", "pack", "{root}", "{out}/packed"),
        ("report", "--task", "spotting", "--labels", "{root}", "--predictions", "{root}", "--out", "{out}/page.html"),
        ("reproduce", "--help"),
    ],
    ids=" ".join,
)
def test_commands_that_need_no_torch(root: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = soccerbench(*(part.format(root=root, out=tmp_path) for part in command))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "package"),
    [
        (("reproduce", "table2", "--data", "{root}", "--out", "{out}/runs"), "torch"),
        (("extract", "{root}", "--models", "vtn", "--checkpoints", "{root}"), "torch"),
        (("data", "videos", "{out}/videos"), "av"),
    ],
    ids=str,
)
def test_a_command_that_needs_the_extra_says_so(
    root: Path, tmp_path: Path, command: tuple[str, ...], package: str
) -> None:
    done = soccerbench(*(part.format(root=root, out=tmp_path) for part in command))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert package in done.stderr
    assert "pip install '.[train]'" in done.stderr
