"""How far an extraction is: what is done, running and waiting, and how long it will take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soccerbench.lease import only_writer
from soccerbench.report.tables.checks import status_table
from soccerbench.video.decoding.video import Video
from soccerbench.video.extraction.feature_files import RECORD, FeatureFile, HalfRecord, write_record
from soccerbench.video.extraction.plan import Plan, plan
from soccerbench.video.extraction.status import Status, status


@pytest.fixture
def planned(tmp_path: Path, write_noise: Callable[..., Path]) -> Plan:
    """Records of three halves that are done, of 2, 3 and 4 s, and an empty file."""
    for game, half, seconds in (("a", 1, 2), ("a", 2, 3), ("b", 1, 4)):
        write_noise(tmp_path / "videos" / game / f"{half}.mkv", seconds, fps=4)
    (tmp_path / "videos" / "b" / "2.mkv").touch()
    made = plan(tmp_path / "videos", models=["vtn"], untrained=True, out=tmp_path / "out")
    (row,) = made.job.rows
    for half, ended_s in zip(made.halves.good, (1000, 1010, 1014), strict=True):
        file = FeatureFile(
            file="", rows=half.rows, width=1, sha256="", clip={}, weights="", identity=made.job.identity(row),
            device="", versions={}, pass_s=1,
        )  # fmt: skip
        facts = Video(file="", width=1, height=1, duration_s=1, fps=1)
        folder = made.job.out / half.game
        write_record(folder, half.half, HalfRecord(video=facts, features={"vtn": file}))
        os.utime(folder / f"{half.half}_{RECORD}", (ended_s, ended_s))
    return made


def test_what_is_done_and_how_fast(planned: Plan) -> None:
    found = status(planned)
    assert found.halves == {"done": 3, "running": 0, "waiting": 0, "unusable": 1}
    assert found.rows == {"done": 9, "running": 0, "waiting": 0, "unusable": 0}
    assert found.rows_per_s == 7 / 14
    assert found.left_s == 0


def test_what_is_left(planned: Plan) -> None:
    record = planned.job.out / "b" / "1_extraction.json"
    record.unlink()
    assert status(planned) == Status(
        {"done": 2, "running": 0, "waiting": 1, "unusable": 1},
        {"done": 5, "running": 0, "waiting": 4, "unusable": 0},
        0.3,
    )
    lease = record.with_name(f".{record.name}.lease")
    with only_writer(record.parent, lease=lease):
        found = status(planned)
        assert (found.halves["running"], found.halves["waiting"]) == (1, 0)
        assert found.left_s == 4 / 0.3
        os.utime(lease, (time.time() - 100,) * 2)
        assert status(planned).halves["running"] == 0
    (planned.job.out / "a" / "1_extraction.json").unlink()
    assert status(planned).rows_per_s is None


def test_features_of_other_models_are_not_those_wanted(planned: Plan) -> None:
    other = plan(planned.job.root, models=["ircsn"], untrained=True, out=planned.job.out, settings=[("size", 32)])
    assert status(other).halves["waiting"] == 3


def test_its_table() -> None:
    drawn = status_table("out", {"done": 2, "waiting": 1}, {"done": 5400, "waiting": 3600}, 2.0, 1800.0)
    assert drawn.lines == (("done", "2", "5400", "1.5"), ("waiting", "1", "3600", "1.0"))
    assert drawn.notes[0].startswith("2 rows/s, that is 2 × real time; all done in 0.5 h, at ")
    unknown = status_table("out", {"done": 0}, {"done": 0}, None, None)
    assert unknown.notes == ("How fast: not known before two halves are done.",)
