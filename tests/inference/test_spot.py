"""`spot`: features or video in, events out, as a table and as files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import soccerbench as sb
from soccerbench.cli import app
from soccerbench.events import Events
from soccerbench.inference.clips import copy, write_clips
from soccerbench.inference.events import frame
from soccerbench.inference.match import find_match
from soccerbench.inference.run import load_run
from soccerbench.inference.spotted import spot_match
from soccerbench.inference.write import page
from soccerbench.soccernet.archive import Tree


def called(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["spot", *map(str, arguments), "--device", "cpu"])


@pytest.fixture
def match(shared_tiny_root: Path, test_game: str, tmp_path: Path) -> Path:
    """The test game without labels, and a video of 12 s of half 1, with a key frame every second."""
    folder = tmp_path / "a match <b>"
    shutil.copytree(shared_tiny_root / test_game, folder, ignore=shutil.ignore_patterns("Labels*"))
    with av.open(str(folder / "1.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(120):
            picture = np.full((48, 64, 3), 2 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return folder


def test_a_test_game_gives_what_reproduce_wrote(
    trained: Callable[..., Path], match: Path, test_game: str, tmp_path: Path
) -> None:
    folder = trained("table2", 8, standardise=True)
    done = called(folder, match, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "out" / "results_spotting.json").read_bytes())["predictions"]
    assert written == Tree(folder / "predictions-test.zip").json(f"{test_game}/results_spotting.json")["predictions"]
    osl = json.loads((tmp_path / "out" / "results_osl.json").read_bytes())["data"]
    assert [event["confidence"] for item in osl for event in item["events"]] == [
        float(entry["confidence"]) for entry in sorted(written, key=lambda entry: entry["half"])
    ]
    listed = pd.read_csv(tmp_path / "out" / "events.csv")
    assert listed.columns.tolist() == ["time_s", "half", "class", "confidence"]
    assert len(listed) == len(written)
    assert "a match <b>: events" in done.stdout


def test_halves_as_files_give_the_same(trained: Callable[..., Path], match: Path) -> None:
    run = load_run(trained("table2", 8, standardise=True), device="cpu")
    files = [match / f"{half}_baidu_soccer_embeddings.npy" for half in (2, 1)]
    both = sb.spot(run, match)
    assert sb.spot(run, files).equals(both)
    assert sb.spot(run, files[1]).equals(both[both.half == 1])
    least = both.query("label in ['Corner', 'Foul']").confidence.median()
    few = sb.spot(run, match, min_confidence=least, classes=["Corner", "Foul"])
    assert len(few) > 1
    assert few.equals(both[(both.confidence >= least) & both.label.isin(["Corner", "Foul"])].reset_index(drop=True))


def test_several_runs_are_averaged(trained: Callable[..., Path], match: Path) -> None:
    run = load_run(trained("table2", 8, standardise=True), device="cpu")
    other = load_run(trained("table2", 7), device="cpu")
    assert sb.spot([run, run], match).equals(sb.spot(run, match))
    found = spot_match([run, other], find_match([match])).found
    assert len(found) > 0
    with pytest.raises(ValueError, match=r"nms_s 20\.0 and table2 row 1 30\.0"):
        sb.spot([run, trained("table2", 1)], match)


def test_replays_are_grounded(
    trained: Callable[..., Path], match: Path, shared_tiny_root: Path, test_game: str, tmp_path: Path
) -> None:
    replays = shared_tiny_root / test_game / "Labels-cameras.json"
    done = called(trained("table3", 2), match, "--replays", replays, "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    events = json.loads(done.stdout)
    assert set(events[0]) == {"half", "start_s", "end_s", "time_s", "confidence"}
    assert json.loads((tmp_path / "results_grounding.json").read_bytes())["Replays"]
    assert "Replayed event" in (tmp_path / "events.html").read_text()
    assert not (tmp_path / "results_osl.json").exists()
    assert called(trained("table3", 2), match, "--out", tmp_path).exception.args[0].startswith("table3 row 2 grounds")
    assert "spots events" in str(called(trained("table2", 7), match, "--replays", replays).exception)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (("nothing",), r"no such file; give one game's folder"),
        (("notes.txt",), r"neither features nor a video"),
        (("empty",), r"no features that table2 row 8 reads .*1_gta\.npy.*; run `soccerbench extract`"),
        (("1_a.npy", "1_b.npy"), r"another file of features for half 1"),
        (("narrow.npy",), r"5 columns, but table2 row 8 reads 28"),
        (("pickled.npy",), r"not a readable feature file"),
    ],
)
def test_inputs_that_cannot_be_used(
    trained: Callable[..., Path], tmp_path: Path, inputs: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no")
    for name in ("1_a.npy", "1_b.npy"):
        np.save(tmp_path / name, np.zeros((9, 28), np.float32))
    np.save(tmp_path / "narrow.npy", np.zeros((9, 5), np.float32))
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(sb.InputError, match=said) as caught:
        sb.spot(trained("table2", 8, standardise=True), [tmp_path / name for name in inputs])
    assert "\n" not in str(caught.value)


def test_the_page_is_self_contained_and_escaped(trained: Callable[..., Path], match: Path, tmp_path: Path) -> None:
    run = load_run(trained("table2", 8, standardise=True), device="cpu")
    spotted = spot_match([run], find_match([match]))
    text = page(spotted, spotted.found, folder=tmp_path).decode()
    assert "<b>" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["videos"] == {"1": "a%20match%20%3Cb%3E/1.mp4"}
    assert len(data["events"]) == len(frame(spotted.found))


def test_clips_are_listed_and_copied(trained: Callable[..., Path], match: Path, tmp_path: Path) -> None:
    copy(match / "1.mp4", tmp_path / "clips" / "one.mp4", start_s=3.5, end_s=6)
    with av.open(str(tmp_path / "clips" / "one.mp4")) as clip:
        pictures = [frame.to_ndarray(format="gray").mean() for frame in clip.decode(video=0)]
    assert 28 <= len(pictures) <= 32  # from the key frame at 3 s to 6 s, ten a second
    assert abs(pictures[0] - 2 * 30) < 8
    assert [file.name for file in (tmp_path / "clips").iterdir()] == ["one.mp4"]
    run = trained("table2", 8, standardise=True)
    done = called(run, match, "--out", tmp_path, "--clips")
    assert done.exit_code == 0, done.output
    listed = pd.read_csv(tmp_path / "clips.csv")
    assert listed.columns.tolist()[:4] == ["file", "half", "start_s", "end_s"]


def test_clips_count_from_where_video_ini_says_that_the_half_begins(match: Path, tmp_path: Path) -> None:
    (match / "video.ini").write_text("[1.mp4]\nstart_time_second = 4\n")
    half, time_s = np.array([1, 1, 2]), np.array([5.0, 60.0, 60.0])
    found = Events(
        half=half, label=np.zeros(3, np.int64), position_ms=(1000 * time_s).astype(np.int64), confidence=np.ones(3)
    )
    write_clips(find_match([match]), found, tmp_path, cut=False)
    listed = pd.read_csv(tmp_path / "clips.csv")
    assert listed[["half", "start_s", "end_s", "time_s"]].values.tolist() == [
        [1, 4.0, 14.0, 5.0], [1, 54.0, 69.0, 60.0], [2, 50.0, 65.0, 60.0],
    ]  # fmt: skip


def test_a_video_is_extracted_first(trained: Callable[..., Path], match: Path, tmp_path: Path) -> None:
    """The run reads vtn of width 4, so that the features of the small model are refused by width, after extraction."""
    small = ("size=32", "clip.frames=4", "vtn.layers=1", "vtn.backbone=vit_tiny_patch16_224")
    options = ["--untrained", *(option for setting in small for option in ("--set", setting))]
    run = trained("table2", 8, features="vtn")
    done = called(run, match / "1.mp4", "--out", tmp_path, *options)
    assert "1_vtn.npy: has shape (12, 384), expected (rows, 4)" in str(done.exception), done.output
    assert np.load(tmp_path / "features" / match.name / "1_vtn.npy").shape == (12, 384)
    assert "no video" in str(called(run, match / "1_baidu_soccer_embeddings.npy", *options).exception)
