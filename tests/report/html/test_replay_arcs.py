"""Replays on the timeline: what became of each, and a whole report of grounding."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.report.html.pages import page_of_submission
from soccerbench.report.html.timeline import GROUNDED, grounded_games
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Link, Replay
from soccerbench.specs.load import load_table, parse_setting

GOAL = 2


def game(*replays: Replay) -> GameReplays:
    return GameReplays("league/season/game", replays)


def predicted(*rows: tuple[int, int, list[float], list[float]]) -> GroundingPredictions:
    """(half, end, times, scores) rows."""
    replays = [
        ReplayDetections(half, end - 5, end, np.array(times), np.array(scores)) for half, end, times, scores in rows
    ]
    return GroundingPredictions("league/season/game", replays)


@pytest.mark.parametrize(
    ("times", "scores", "outcome"),
    [
        ([80], [0.9], "hit"),
        ([82.5], [0.9], "hit"),
        ([83], [0.9], "late"),
        ([77], [0.9], "early"),
        ([80, 10], [0.4, 0.5], "early"),  # only the most confident one counts
        ([10, 80], [0.5, 0.5], "early"),  # of equally sure ones the first
        ([], [], "missed"),
    ],
)
def test_each_outcome_by_its_definition(times: list[float], scores: list[float], outcome: str) -> None:
    labels = game(Replay(1, 95_000, 100_400, Link(1, GOAL, 80)))
    games, counts = grounded_games([labels], [predicted((1, 100, times, scores))])
    assert dict(zip(GROUNDED, counts, strict=True)) == {name: int(name == outcome) for name in GROUNDED}
    columns = np.frombuffer(base64.b64decode(games[0]["arcs"])[:16], "<u4").tolist()
    assert columns[:3] == [95_000, 100_400, 80_000]


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        ([Replay(1, 0, 100_000, Link(1, GOAL, 80)), Replay(2, 0, 100_000, Link(2, GOAL, 80))], [1, 0, 0, 1]),
        ([Replay(1, 0, 101_000, Link(1, GOAL, 80))], [0, 0, 0, 1]),  # another second: left out of the submission
        ([Replay(1, 0, 100_000, None), Replay(2, 0, 100_000, Link(1, GOAL, 80))], [0, 0, 0, 0]),
    ],
)
def test_replays_are_known_by_half_and_second(labels: list[Replay], counts: list[int]) -> None:
    assert grounded_games([game(*labels)], [predicted((1, 100, [80], [0.9]))])[1] == counts


def test_a_report_of_a_grounding_submission(shared_tiny_root: Path, tmp_path: Path) -> None:
    name = json.loads((shared_tiny_root / "splits.json").read_text())["test"][0]
    cameras = json.loads((shared_tiny_root / name / "Labels-cameras.json").read_text())["annotations"]
    replays = [
        {"half": int(entry["gameTime"][0]), "start": int(entry["position"]) // 1000 - 5,
         "end": int(entry["position"]) // 1000,
         "detection": [{"time": 60 * int(entry["link"]["time"][:2]) + int(entry["link"]["time"][3:]), "score": 0.8}]}
        for entry in cameras if "link" in entry
    ]  # fmt: skip
    file = tmp_path / name / "results_grounding.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"UrlLocal:": name, "half1_time": 0, "half2_time": 0, "Replays": replays}))
    page = page_of_submission(task="grounding", labels=shared_tiny_root, predictions=tmp_path, split="test")
    shown = page.data["entries"][0]["splits"]["test"]
    assert shown["grounded"] == [len(replays), 0, 0, 0]
    assert {line[0] for line in page.tables[0].lines} == {"100.00"}
    assert page.entries[0].pictures == []  # neither classes nor a learning curve
    assert [item["count"] for item in shown["arcs"]] == [len(replays)]


def test_what_a_row_leaves_open_is_among_what_is_assumed(shared_tiny_root: Path, tmp_path: Path) -> None:
    settings = [parse_setting("max_epochs=1"), parse_setting("batch_size=16")]
    row = next(row for row in load_table("table3", mini=True, settings=settings).rows if row.row == 5)
    Planner(Dataset(shared_tiny_root), tmp_path).experiment(row, 0).run(device="cpu", progress=silent)
    arguments = ["report", str(tmp_path), "--out", str(tmp_path / "page.html"), "--data", str(shared_tiny_root)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "the released CALF-more-negative code; the paper gives none" in text
    assert "left_open" not in text
