"""Two rows compared over games and seeds, from what their results keep."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.experiments.compare_runs import compare_runs
from soccerbench.metrics.statistics import SpottingStatistics
from soccerbench.specs.load import load_table

SPEC = load_table("table2").row(8).model_dump(mode="json")


def counted(mask: int, level: int) -> SpottingStatistics:
    """One game with one event of one class and one detection."""
    one, none = np.ones(1, np.int64), np.zeros(1, np.int64)
    hits, levels = np.array([mask]), np.array([level])
    return SpottingStatistics("soccernet", (5, 10), none, levels, hits, np.array([3]), one, one, none)


def write(folder: Path, masks: dict[int, list[int]], *, row: int = 1, games: int = 6) -> Path:
    """A row's runs: by seed, the mask of each game's one detection."""
    for seed, found in masks.items():
        statistics = {f"game {number}": counted(mask, 150).to_json() for number, mask in enumerate(found[:games])}
        report = {"task": "spotting", "protocol": "soccernet", "signature": "s", "tolerances_s": [5, 10],
                  "map_per_tolerance": [0.5, 0.5]}  # fmt: skip
        for part in ("", "_visible", "_unshown"):
            report |= {f"average_map{part}": sum(found) / 100, f"per_class{part}": {"Goal": 0.5}}
        result = {"table": "t", "row": row, "seed": seed, "dataset": "d", "spec": SPEC, "digest": str(row),
                  "simulated": True, "versions": {}, "device": "cpu", "seconds": 1.0, "submissions": {},
                  "data_fingerprint": "f", "code": "c", "scores": {"test": {"loose": report}, "challenge": None},
                  "games": {"test": {"loose": statistics}}}  # fmt: skip
        file = folder / f"row-{row:02d}" / f"seed-{seed}" / "result.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(result))
    return folder / f"row-{row:02d}"


@pytest.fixture
def rows(tmp_path: Path) -> tuple[Path, Path]:
    good = write(tmp_path, {0: [3] * 6, 1: [3, 3, 3, 3, 3, 0], 5: [0] * 6})
    return good, write(tmp_path, {0: [0] * 6, 1: [2] * 6, 7: [3] * 6}, row=2)


def test_seeds_are_not_paired_and_scores_are_means(rows: tuple[Path, Path]) -> None:
    report = compare_runs(a=rows[0], b=rows[1], split="test", tolerances="loose", repetitions=200).to_json()
    assert report["seeds"] == [[0, 1, 5], [0, 1, 7]]
    assert report["names"] == ["row-01", "row-02"]
    assert report["a"] == pytest.approx((0.18 + 0.15) / 3)
    assert report["games"] == 6
    assert report["per_class"]["Goal"]["difference"] == report["difference"]
    assert report["interval"]["low"] < 0 < report["interval"]["high"]  # one seed of three reverses the order
    turned = compare_runs(a=rows[1], b=rows[0], split="test", tolerances="loose", repetitions=200).to_json()
    assert turned["difference"] == -report["difference"]


def test_a_row_does_not_differ_from_itself(rows: tuple[Path, Path]) -> None:
    report = compare_runs(a=rows[0], b=rows[0], split="test", tolerances="loose", repetitions=50).to_json()
    assert report["difference"] == 0
    assert report["p_value"] == 1


def test_what_cannot_be_compared_is_named(rows: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds runs of 2 rows"):
        compare_runs(a=tmp_path, b=rows[0], split="test", tolerances="loose")
    with pytest.raises(InputError, match="no score on split 'challenge'"):
        compare_runs(a=rows[0], b=rows[1], split="challenge", tolerances="loose")
    with pytest.raises(ValueError, match="loose and tight only"):
        compare_runs(a=rows[0], b=rows[1], split="test", tolerances="1,2")
    for seed in (0, 1):
        shutil.rmtree(rows[1] / f"seed-{seed}")
    with pytest.raises(InputError, match="has one seed, and the other row 3"):
        compare_runs(a=rows[0], b=rows[1], split="test", tolerances="loose")
    fewer = write(tmp_path / "fewer", {0: [3] * 6}, games=5)
    with pytest.raises(InputError, match="other games"):
        compare_runs(a=rows[0], b=fewer, split="test", tolerances="loose")


def test_the_verb_takes_runs_without_labels(rows: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(app, ["compare", *map(str, rows), "--repetitions", "100"])
    assert done.exit_code == 0, done.output
    assert "Means over seeds 0, 1, 5 and 0, 1, 7; seeds and games are both resampled." in done.output
    single = CliRunner().invoke(app, ["compare", *(str(row / "seed-0") for row in rows), "--repetitions", "100"])
    assert "two trained files, not two methods" in single.output
    assert "With 6 games no p below 0.031 is possible." in " ".join(single.output.split())
    asked = CliRunner().invoke(app, ["compare", *map(str, rows), "--task", "spotting"])
    assert isinstance(asked.exception, ValueError)
