"""`submit`: exit codes, what is listed and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from soccerbench.cli import app

GAME = "league/2020-2021/game"
PREDICTION = {"label": "Goal", "position": "31500", "half": "1", "confidence": "0.25"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A challenge of one game, and a folder with its predictions."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "splits.json").write_text(json.dumps({"challenge": [GAME]}))
    predict(tmp_path, [PREDICTION])
    return tmp_path


def predict(root: Path, predictions: list[Any]) -> None:
    (root / "found" / GAME).mkdir(parents=True, exist_ok=True)
    (root / "found" / GAME / "results_spotting.json").write_text(json.dumps({"predictions": predictions}))


def run(root: Path, *arguments: object, catch: bool = False) -> Result:
    options = ["submit", *map(str, arguments), "--task", "spotting", "--labels", str(root / "labels")]
    return CliRunner().invoke(app, options, catch_exceptions=catch)


def test_packing_and_validating(root: Path) -> None:
    out = root / "out.zip"
    packed = run(root, root / "found", "--out", out)
    assert (packed.exit_code, packed.stdout) == (0, "")
    assert "packed" in packed.stderr
    validated = run(root, "--validate", out)
    assert (validated.exit_code, validated.stdout) == (0, "")


def test_the_default_name_says_task_and_split(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert run(root, "found").exit_code == 0
    assert (root / "spotting-challenge.zip").exists()


def test_everything_wrong_is_listed_with_exit_code_1(root: Path) -> None:
    predict(root, [PREDICTION | {"half": 3}, PREDICTION | {"confidence": 2}])
    out = root / "out.zip"
    for done in (run(root, root / "found", "--out", out), run(root, "--validate", root / "found")):
        assert done.exit_code == 1
        assert len(done.stdout.splitlines()) == 2
        assert "entry 1: half 3" in done.stdout
        assert "entry 2: confidence 2 is above 1" in done.stdout
        assert done.stderr == "soccerbench: 2 problems\n"
    assert not out.exists()


@pytest.mark.parametrize("arguments", [(), ("found", "--validate", "x.zip")])
def test_either_pack_or_validate(root: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="either"):
        run(root, *arguments)
