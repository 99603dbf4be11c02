"""The verb over `write_mini`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import Result
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.progress import silent


def mini(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "mini", *map(str, arguments)])


def test_writes_what_was_asked_for(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        "soccerbench.simulation.matches.write.write_mini", lambda out, **options: asked.update(out=out, **options)
    )
    labels = str(tmp_path / "labels.zip")
    options = ["--seed", "3", "--games", "40", "--scale", "release", "--labels", labels]
    result = mini(tmp_path / "out", *options)
    assert result.exit_code == 0
    assert asked == {
        "out": tmp_path / "out", "seed": 3, "games": 40, "scale": "release", "labels": tmp_path / "labels.zip",
        "packed": False, "progress": silent,
    }  # fmt: skip


def test_makes_a_dataset(tmp_path):
    assert mini(tmp_path / "out", "--games", 12).exit_code == 0
    splits = json.loads((tmp_path / "out" / "splits.json").read_bytes())
    assert [len(games) for games in splits.values()] == [6, 1, 3, 2]


@pytest.mark.parametrize("wrong", [["--games", "3"], ["--seed", "-1"], ["--scale", "huge"]])
def test_wrong_options_are_refused(tmp_path, wrong):
    assert mini(tmp_path / "out", *wrong).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_neither_the_verb_nor_the_dataset_imports_torch():
    script = "import sys, soccerbench.cli.data, soccerbench.simulation.matches.write; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
