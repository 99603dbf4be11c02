"""`report`: what it prints for a paper, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.specs.load import load_table


def write_run(folder: Path, row: int, seed: int, score: float, *, simulated: bool) -> None:
    """A finished run of a row of Table 2 with one score."""
    spec = next(spec for spec in load_table("table2").rows if spec.row == row)
    scores = {
        "task": "spotting", "protocol": "soccernet", "signature": "s", "tolerances_s": [5],
        "map_per_tolerance": [score],
        **dict.fromkeys(("average_map", "average_map_visible", "average_map_unshown"), score),
        **{key: {"Goal": score} for key in ("per_class", "per_class_visible", "per_class_unshown")},
    }  # fmt: skip
    result: dict[str, Any] = {
        "table": "table2", "row": row, "seed": seed, "dataset": "real_data", "simulated": simulated,
        "spec": spec.model_dump(mode="json"), "digest": spec.digest(), "data_fingerprint": "f", "code": "c",
        "scores": {"test": {"loose": scores}}, "games": {"test": {"loose": {}}}, "submissions": {},
        "versions": {}, "device": "cpu", "seconds": 1.0,
    }  # fmt: skip
    file = folder / f"real_data/table2/row-{row:02d}/seed-{seed}/result.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(result))


def tables(folder: Path) -> str:
    done = CliRunner().invoke(app, ["report", str(folder), "--tables"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_tables_have_published_next_to_measured(tmp_path: Path) -> None:
    for seed, score in enumerate((0.70, 0.72)):
        write_run(tmp_path, 8, seed, score, simulated=False)
    text = tables(tmp_path)
    assert "| 74.05 | 71.00 ± 1.41 | -3.05 |" in text  # 74.05 in Table 2; (70 + 72) / 2, 2 / sqrt(2) and the difference
    assert "74.05 & 71.00 $\\pm$ 1.41 & -3.05 &" in text
    for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
        assert text.count(rule) == 1
    assert "real\\_data" in text


def test_no_published_number_next_to_a_simulated_one(tmp_path: Path) -> None:
    write_run(tmp_path, 8, 0, 0.5, simulated=True)
    text = tables(tmp_path)
    assert "50.00" in text
    assert "74.05" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["runs", "--task", "spotting"],
        ["--task", "spotting", "--labels", "labels.zip"],
        ["--task", "spotting", "--labels", "labels.zip", "--predictions", "results.zip", "--tables"],
    ],
)
def test_half_a_question_is_refused(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["report", *arguments])
    assert isinstance(done.exception, ValueError)
    assert "either a folder of runs, or --task, --labels and --predictions" in str(done.exception)


@pytest.mark.parametrize(("name", "problem"), [("", "holds no finished run"), ("absent", "no such folder")])
def test_a_folder_without_runs_is_named(tmp_path: Path, name: str, problem: str) -> None:
    done = CliRunner().invoke(app, ["report", str(tmp_path / name)])
    assert isinstance(done.exception, InputError)
    assert problem in str(done.exception)
