"""Extraction from damaged videos and checkpoints: one line each, the other halves done, no partly written files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.specs.load import spec_text
from soccerbench.specs.video_models import ExtractorTable
from soccerbench.video.extraction.half import Outcome
from soccerbench.video.extraction.plan import plan, run
from soccerbench.video.models.build import build

GAME = "league/season/game"
Extract = Callable[..., list[Outcome]]
WriteNoise = Callable[..., Path]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def damaged_inside(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def no_video(path: Path) -> None:
    path.write_bytes(b"no video at all\n" * 100)


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp2", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("damage", [cut_short, damaged_inside, emptied, no_video, sound_only, Path.unlink])
def test_a_bad_half_is_reported_and_the_others_done(
    tmp_path: Path, extract: Extract, write_noise: WriteNoise, damage: Callable[[Path], None]
) -> None:
    for game in ("first", "second"):
        for half in (1, 2):
            write_noise(tmp_path / game / f"{half}.mkv", 4)
    damage(tmp_path / "first" / "2.mkv")
    outcomes = extract(tmp_path, ["vtn"])
    by_half = {(one.game, one.half): one for one in outcomes}
    assert [by_half[key].state for key in sorted(by_half)] == ["done", "failed", "done", "done"]
    text = by_half["first", 2].text
    assert str(tmp_path / "first") in text
    assert "\n" not in text
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(
        ["1.mkv", "1_extraction.json", "1_vtn.npy", *(["2.mkv"] if damage is not Path.unlink else [])]
    )


@pytest.mark.parametrize(("seconds", "fps"), [(0.1, 10), (0.9, 10), (1.2, 25)])
def test_a_half_shorter_than_a_window_has_one_row(
    tmp_path: Path, extract: Extract, write_noise: WriteNoise, seconds: float, fps: int
) -> None:
    for half in (1, 2):
        write_noise(tmp_path / GAME / f"{half}.mkv", seconds, fps=fps)
    assert [(one.state, one.rows) for one in extract(tmp_path)] == [("done", 1)] * 2
    assert np.load(tmp_path / GAME / "1_vtn.npy").shape == (1, 384)


@pytest.mark.parametrize(("width", "height"), [(50, 98), (398, 30), (34, 34)])
def test_odd_sizes(tmp_path: Path, extract: Extract, write_noise: WriteNoise, width: int, height: int) -> None:
    for half in (1, 2):
        write_noise(tmp_path / GAME / f"{half}.mp4", 2, width=width, height=height)
    assert [(one.state, one.rows) for one in extract(tmp_path)] == [("done", 2)] * 2


def test_labels_after_the_end_of_the_video_are_doubts(tmp_path: Path, write_noise: WriteNoise) -> None:
    for half in (1, 2):
        write_noise(tmp_path / GAME / f"{half}.mkv", 2)
    late = {"gameTime": "2 - 00:07", "label": "Goal", "position": "7000", "team": "home", "visibility": "visible"}
    (tmp_path / GAME / "Labels-v2.json").write_text(json.dumps({"UrlLocal": GAME, "annotations": [late]}))
    doubts = plan(tmp_path, models=["vtn"], untrained=True, device="cpu").halves.doubts
    assert len(doubts) == 1
    assert doubts[0].endswith("2.mkv: lasts 2.0 s, but 1 events are later, the last at 7.0 s")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("kind", ["another model", "code", "no checkpoint"])
def test_a_bad_checkpoint_stops_before_any_decoding(
    tmp_path: Path, extract: Extract, write_noise: WriteNoise, tiny_table: ExtractorTable, kind: str
) -> None:
    write_noise(tmp_path / GAME / "1.mkv", 1)
    checkpoint = tmp_path / "checkpoint.pt"
    if kind == "another model":
        torch.save({"identity": {}, "model": build(tiny_table.of("ircsn")).state_dict()}, checkpoint)
    elif kind == "code":
        torch.save({"identity": {}, "model": Malicious()}, checkpoint)
    else:
        checkpoint.write_bytes(b"weights")
    with pytest.raises(InputError, match=r"checkpoint\.pt"):
        extract(tmp_path, ["vtn"], checkpoints=[f"vtn={checkpoint}"], untrained=False)
    assert not list(tmp_path.rglob("*.npy"))
    assert not Path("ran").exists()


def test_backbone_size_and_clip_come_from_the_spec_next_to_the_checkpoint(
    tmp_path: Path, write_noise: WriteNoise, tiny_table: ExtractorTable
) -> None:
    root, folder = tmp_path / "root", tmp_path / "runs" / "vtn" / "seed-0"
    for half in (1, 2):
        write_noise(root / GAME / f"{half}.mkv", 2)
    folder.mkdir(parents=True)
    row = tiny_table.of("vtn")
    torch.save({"identity": {}, "finished": True, "model": build(row).state_dict()}, folder / "checkpoint.pt")
    (folder / "spec.yaml").write_text(spec_text(row))
    options = {"models": ["vtn"], "device": "cpu", "out": tmp_path / "out"}
    planned = plan(root, checkpoints=[str(tmp_path / "runs")], **options)
    found = planned.job.rows[0]
    assert (found.backbone, found.size, found.clip) == (row.backbone, row.size, row.clip)
    assert [one.rows for one in run(planned)] == [2, 2]
    other = plan(
        root, checkpoints=[f"vtn={folder}/checkpoint.pt"], settings=[("clip.frames", 6)], force=True, **options
    )
    assert other.job.rows[0].clip.frames == 6  # what --set says counts
    (folder / "spec.yaml").write_text(spec_text(tiny_table.of("gta")))
    with pytest.raises(InputError, match=r"spec\.yaml: its model is gta, not vtn; name vtn's checkpoint"):
        plan(root, checkpoints=[str(tmp_path / "runs")], **options)


def test_checkpoints_are_found_in_the_folder_of_finetune(
    tmp_path: Path, extract: Extract, write_noise: WriteNoise, tiny_table: ExtractorTable
) -> None:
    write_noise(tmp_path / "root" / GAME / "1.mkv", 2)
    write_noise(tmp_path / "root" / GAME / "2.mkv", 2)
    runs = tmp_path / "runs"
    torch.manual_seed(3)
    (runs / "vtn" / "seed-0").mkdir(parents=True)
    file = runs / "vtn" / "seed-0" / "checkpoint.pt"
    torch.save({"identity": {}, "finished": True, "model": build(tiny_table.of("vtn")).state_dict()}, file)
    trained, untrained = tmp_path / "trained", tmp_path / "untrained"
    extract(tmp_path / "root", ["vtn"], checkpoints=[str(runs)], untrained=False, out=trained)
    extract(tmp_path / "root", ["vtn"], out=untrained)
    rows = [np.load(out / GAME / "1_vtn.npy") for out in (trained, untrained)]
    assert np.abs(rows[0] - rows[1]).max() > 0.01
    record = json.loads((trained / GAME / "1_extraction.json").read_bytes())
    assert record["features"]["vtn"]["weights"] == f"{file}: a fine-tuned vtn, whole"
    assert not (trained / "features.json").exists()
    with pytest.raises(InputError, match=r"was extracted with another weights"):
        extract(tmp_path / "root", ["vtn"], out=trained)
    (runs / "vtn" / "seed-1").mkdir()
    torch.save({}, runs / "vtn" / "seed-1" / "checkpoint.pt")
    with pytest.raises(InputError, match=r"one of 2 checkpoints of vtn .*name it: vtn=FILE"):
        extract(tmp_path / "root", ["vtn"], checkpoints=[str(runs)], untrained=False, out=trained)
    with pytest.raises(InputError, match=r"no such folder"):
        extract(tmp_path / "root", ["vtn"], checkpoints=[str(tmp_path / "none")], untrained=False)
