"""The loop closes: videos, features of untrained models, rows of Tables 2 and 3 on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccerbench.experiments.table import absent_files, plan, run
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.scoring.tasks import TASKS
from soccerbench.simulation.videos.write import write_videos
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.video.extraction.half import Outcome

SIX = ("tpn-r50", "tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
NEED_FEATURES = (2, 3, 4, 5, 8, 9)
QUICK = ("max_epochs=1", "batch_size=16", "chunk_s=5")
QUICK_GROUNDING = ("max_epochs=1",)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four games of two quarter-minutes, one a split, each half with a replay of its third second."""
    out = tmp_path_factory.mktemp("data") / "videos"
    write_videos(out, games=4, minutes=0.25)
    for labels in out.rglob("Labels-v2.json"):
        shots = [shot for half in (1, 2) for shot in shots_of(half)]
        (labels.parent / "Labels-cameras.json").write_text(json.dumps({"annotations": shots}))
    return out


def shots_of(half: int) -> list[dict[str, Any]]:
    """Eight seconds of play, and five in which the third of them is shown again."""
    shot = {"change_type": "abrupt", "label": "Main camera center"}
    link = {
        "half": f"{half}",
        "label": "Foul",
        "position": "3000",
        "team": "home",
        "time": "00:03",
        "visibility": "visible",
    }
    return [
        {**shot, "gameTime": f"{half} - 00:08", "position": "8000", "replay": "real-time"},
        {**shot, "gameTime": f"{half} - 00:13", "position": "13000", "replay": "replay", "link": link},
    ]


@pytest.fixture
def root(videos: Path, tmp_path: Path, extract: Callable[..., list[Outcome]]) -> Dataset:
    """The videos with the features of all six, ordinary and mega."""
    features = tmp_path / "features"
    smaller = [("size", 16), ("clip.frames", 2)]
    for mega in (False, True):
        outcomes = extract(videos, SIX, out=features, mega=mega, settings=smaller)
        assert [(one.state, one.rows) for one in outcomes] == [("done", 15)] * 8
    return Dataset(videos, features=features)


def test_extracted_features_run_through_the_tables(root: Dataset, tmp_path: Path) -> None:
    assert root.is_simulated
    for name, rows, quick in (("table2", NEED_FEATURES, QUICK), ("table3", (4, 5, 6), QUICK_GROUNDING)):
        table = load_table(name, settings=[parse_setting(text) for text in quick])
        assert not any(absent_files(row, root) for row in table.rows if row.row in rows)
        planned = plan(table, rows=rows, seeds=[0], root=root, out=tmp_path / "runs")
        assert not planned.unavailable
        results = run(planned, device="cpu", force=False, progress=lambda _: silent, on_done=lambda *_: None)
        assert [result.row for result in results] == list(rows)
        for result in results:
            scores = [score["loose"] for score in result.scores.values() if score]
            assert scores
            assert np.isfinite([getattr(score, TASKS[score.task].overall) for score in scores]).all()
