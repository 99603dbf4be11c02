"""The loop closes: videos, features of untrained models, rows of Table 2 on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soccerbench.data.root import Root
from soccerbench.data.videos import write_videos
from soccerbench.extractors.half_pass import Outcome
from soccerbench.runner.progress import silent
from soccerbench.runner.reproduce import absent_files, plan, run
from soccerbench.specs import load_table, parse_setting

SIX = ("tpn-r50", "tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
NEED_FEATURES = (2, 3, 4, 5, 8, 9)
QUICK = ("max_epochs=1", "batch_size=16", "chunk_s=5")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four games of two quarter-minutes, one a split."""
    out = tmp_path_factory.mktemp("data") / "videos"
    write_videos(out, games=4, minutes=0.25)
    return out


def test_extracted_features_run_through_table_2(
    videos: Path, tmp_path: Path, extract: Callable[..., list[Outcome]]
) -> None:
    features = tmp_path / "features"
    smaller = [("size", 16), ("clip.frames", 2)]
    for mega in (False, True):
        outcomes = extract(videos, SIX, out=features, mega=mega, settings=smaller)
        assert [(one.state, one.rows) for one in outcomes] == [("done", 15)] * 8
    root = Root(videos, features=features)
    assert root.is_simulated
    table = load_table("table2", settings=[parse_setting(text) for text in QUICK])
    assert not any(absent_files(row, root) for row in table.rows)
    planned = plan(table, rows=NEED_FEATURES, seeds=[0], root=root, out=tmp_path / "runs")
    assert not planned.unavailable
    results = run(planned, device="cpu", force=False, progress=lambda _: silent, on_done=lambda *_: None)
    assert [result["row"] for result in results] == list(NEED_FEATURES)
    for result in results:
        scores = [score["loose"]["average_map"] for score in result["scores"].values() if score]
        assert scores
        assert np.isfinite(scores).all()
