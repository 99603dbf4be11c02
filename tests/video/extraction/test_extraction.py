"""Extraction: the rows of window by window in the SoccerNet layout, no half twice, nothing replaced unasked."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.features.store import FeatureStore, is_simulated
from soccerbench.specs.video_models import ExtractorTable
from soccerbench.video.decoding.clips import Clip, clamp, window
from soccerbench.video.decoding.frames import frames
from soccerbench.video.extraction.feature_files import normalised
from soccerbench.video.extraction.half import ExtractHalf, Outcome
from soccerbench.video.extraction.job import load_models
from soccerbench.video.extraction.plan import plan

GAME = "league/season/game"
QUICK = ("vtn", "ircsn")
FIVE = ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
JOINED = "baidu_soccer_embeddings.npy"
Extract = Callable[..., list[Outcome]]


@pytest.fixture
def root(tmp_path: Path, write_noise: Callable[..., Path]) -> Path:
    """One game of 5.5 and 3 seconds."""
    write_noise(tmp_path / "root" / GAME / "1_224p.mkv", 5.5)
    write_noise(tmp_path / "root" / GAME / "2.mkv", 3)
    return tmp_path / "root"


def arrays(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.npy"))}


def states(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]


def test_files_are_those_of_window_by_window(root: Path, tiny_table: ExtractorTable, extract: Extract) -> None:
    assert [(one.half, one.state, one.rows) for one in extract(root, FIVE)] == [(1, "done", 5), (2, "done", 3)]
    folder = root / GAME
    rows = [tiny_table.of(model) for model in FIVE]
    weights = plan(root, models=FIVE, untrained=True, settings=[], force=True).job.weights
    loaded = load_models(rows, weights, torch.device("cpu")).values()
    for row, model in zip(rows, loaded, strict=True):
        clip = Clip(row.clip.frames, row.clip.fps)
        for half, video in ((1, "1_224p.mkv"), (2, "2.mkv")):
            path = folder / f"{half}_{row.model.replace('-', '_')}.npy"
            found = np.load(path)
            own = torch.from_numpy(np.stack(list(frames(folder / video, fps=clip.fps, size=row.size, crop=True))))
            windows = np.stack([clamp(window(clip, second, clip.fps), len(own)) for second in range(len(found))])
            with torch.inference_mode():
                images = own[windows].permute(0, 1, 4, 2, 3)
                expected = torch.cat([model.per_clip(model.frames(clip[None])) for clip in images]).numpy()
            np.testing.assert_allclose(found, normalised(expected, "l2"), rtol=0, atol=1e-6)
            saved = io.BytesIO()
            np.save(saved, found)
            assert path.read_bytes() == saved.getvalue()


def test_work_is_described_by_its_content(root: Path) -> None:
    """Slurm's jobs of equal work are found again by it."""
    first, again = (plan(root, models=QUICK, untrained=True, out=root.parent) for _ in range(2))
    described = [repr(ExtractHalf(one.job, one.halves.good[0], 1)) for one in (first, again)]
    assert described[0] == described[1]
    assert " at 0x" not in described[0]


def test_the_joined_file_is_the_five_side_by_side(root: Path, extract: Extract) -> None:
    extract(root, ("gta", "tpn-r101", "ircsn"))
    assert not (root / GAME / f"1_{JOINED}").exists()
    assert states(extract(root, ("vtn", "i3d-slow", "gta"))) == ["done", "done"]
    blocks = [np.load(root / GAME / f"1_{model.replace('-', '_')}.npy") for model in FIVE]
    np.testing.assert_array_equal(np.load(root / GAME / f"1_{JOINED}"), np.concatenate(blocks, axis=1))
    np.testing.assert_allclose([np.linalg.norm(block, axis=1) for block in blocks], 1, rtol=0, atol=1e-6)
    store = FeatureStore(root, FIVE)
    assert store.widths == tuple(block.shape[1] for block in blocks) == (512, 512, 384, 2048, 512)
    np.testing.assert_array_equal(store.take(GAME, 2, np.arange(3)), np.load(root / GAME / f"2_{JOINED}"))


class Counted:
    """A stream of a feature file that counts the bytes that are read and written."""

    def __init__(self, stream: Any, read: Counter[str], written: Counter[str]) -> None:
        self._stream, self._read, self._written = stream, read, written
        self._name = Path(stream.name).name.removeprefix(".").partition(".npy")[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stream.close()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self._read[self._name] += len(data)
        return data

    def write(self, data: bytes) -> int:
        self._written[self._name] += len(data)
        return int(self._stream.write(data))


def test_each_byte_is_written_once_and_read_at_most_once(
    root: Path, extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, written, plain_open = Counter[str](), Counter[str](), Path.open

    def counted_open(path: Path, *args: Any, **options: Any) -> Any:
        stream = plain_open(path, *args, **options)
        return Counted(stream, read, written) if ".npy" in path.name else stream

    monkeypatch.setattr(Path, "open", counted_open)
    extract(root, FIVE)
    sizes = {path.stem: path.stat().st_size for path in root.rglob("*.npy")}
    assert len(sizes) == 2 * (len(FIVE) + 1)
    assert written == sizes
    assert read == {name: size for name, size in sizes.items() if not name.endswith("embeddings")}
    read.clear()
    written.clear()
    assert states(extract(root, FIVE)) == ["there", "there"]
    assert (read, written) == (sizes, Counter())


def test_the_record_says_what_a_row_is(root: Path, extract: Extract) -> None:
    extract(root, normalise="none")
    record = json.loads((root / GAME / "1_extraction.json").read_bytes())
    assert record["alignment"].startswith("Row i is second i of the half")
    assert (record["rows_per_second"], record["first_row_s"]) == (1, 0)
    assert record["video"] == {
        "file": "1_224p.mkv", "width": 64, "height": 48, "duration_s": 5.5, "fps": 10, "start_s": 0, "notes": [],
    }  # fmt: skip
    made = record["features"]["vtn"]
    assert (made["file"], made["rows"], made["width"]) == ("1_vtn.npy", 5, 384)
    assert made["clip"] == {"frames": 4, "fps": 3, "size": 32}
    assert made["weights"] == "random weights of seed 0"
    assert made["identity"].keys() == {"spec", "weights", "normalisation", "precision", "code", "video"}
    assert made["identity"]["normalisation"] == "none"
    assert {"soccerbench", "torch", "timm", "av"} <= made["versions"].keys()


def test_mega_features_have_separate_files(root: Path, extract: Extract) -> None:
    extract(root)
    extract(root, mega=True)
    names = {path.name for path in (root / GAME).glob("*.npy")}
    assert names == {f"{half}_{name}.npy" for half in (1, 2) for name in ("vtn", "ircsn", "mega_vtn", "mega_ircsn")}
    assert FeatureStore(root, ["mega-vtn", "mega-ircsn"]).length(GAME, 1) == 5


def test_what_is_there_and_whole_is_kept(root: Path, extract: Extract) -> None:
    extract(root)
    before, times = arrays(root), {path: path.stat().st_mtime_ns for path in root.rglob("*.npy")}
    assert states(extract(root)) == ["there", "there"]
    damaged, missing = root / GAME / "1_vtn.npy", root / GAME / "2_ircsn.npy"
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"\0\0\0\0")
    missing.unlink()
    assert states(extract(root)) == ["done", "done"]
    assert arrays(root) == before
    assert {path for path, time in times.items() if path.stat().st_mtime_ns != time} == {damaged, missing}


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"settings": [("vtn.heads", 2)]}, "spec"),
        ({"normalise": "none"}, "normalisation"),
    ],
)
def test_what_is_there_but_other_is_refused(
    root: Path, extract: Extract, options: dict[str, Any], changed: str
) -> None:
    extract(root)
    before = arrays(root)
    with pytest.raises(InputError, match=rf"1_vtn\.npy: was extracted with another {changed}; .*--force"):
        extract(root, **options)
    assert arrays(root) == before
    assert states(extract(root, **options, force=True)) == ["done", "done"]
    assert arrays(root).keys() == before.keys()
    assert arrays(root) != before


def test_another_video_is_refused(root: Path, extract: Extract, write_noise: Callable[..., Path]) -> None:
    extract(root)
    write_noise(root / GAME / "1_224p.mkv", 4)
    outcomes = extract(root)
    assert states(outcomes) == ["failed", "there"]
    assert "was extracted with another video" in outcomes[0].text
    assert states(extract(root, force=True)) == ["done", "there"]
    assert len(np.load(root / GAME / "1_vtn.npy")) == 4


@pytest.mark.parametrize("name", ["1_vtn.npy", f"2_{JOINED}"])
def test_features_of_unknown_origin_are_refused(root: Path, extract: Extract, name: str) -> None:
    np.save(root / GAME / name, np.zeros((3, 2), np.float32))
    with pytest.raises(InputError, match=r"was not extracted here"):
        extract(root, FIVE)
    assert not (root / "features.json").exists()
    assert states(extract(root, FIVE, out=root.parent / "out")) == ["done", "done"]


def test_untrained_features_do_not_mark_a_root_of_released_ones(root: Path, extract: Extract) -> None:
    np.save(root / GAME / "1_ResNET_TF2.npy", np.zeros((3, 2048), np.float32))
    with pytest.raises(InputError, match=r"was not extracted here; give untrained features a separate folder"):
        extract(root)
    extract(root, out=root.parent / "out")
    assert is_simulated(root.parent / "out")
    assert json.loads((root.parent / "out" / "features.json").read_bytes()) == {
        "simulated": {"untrained": ["ircsn", "vtn"]}, "blocks": {},
    }  # fmt: skip


def test_rows_do_not_depend_on_the_step(root: Path, extract: Extract) -> None:
    extract(root, FIVE)
    for step_s in (3, 8):
        extract(root, FIVE, out=root.parent / f"out-{step_s}", batch=step_s)
        assert arrays(root) == arrays(root.parent / f"out-{step_s}")


def test_rows_do_not_depend_on_the_other_models(root: Path, extract: Extract) -> None:
    extract(root, ("vtn", "ircsn"))
    extract(root, ("vtn",), out=root.parent / "out")
    ours = arrays(root)
    assert {name: ours[name] for name in arrays(root.parent / "out")} == arrays(root.parent / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["tsn"]}, r"tsn: no such model .*; known: tpn-r50, "),
        ({"untrained": False}, r"no checkpoint for vtn: give --checkpoints vtn=FILE"),
        ({"games": ["league/season/other"]}, r"no such folder; name games by their folder"),
        ({"games": ["../outside"]}, r"outside: leaves the root; name games by their folder"),
        ({"games": ["/"]}, r"leaves the root; name games by their folder"),
        ({"split": "train"}, r"holds no game of split train"),
        ({"device": "tpu"}, r"unknown device 'tpu'"),
    ],
)
def test_what_cannot_be_planned(root: Path, extract: Extract, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        extract(root, **{"models": QUICK} | options)
    assert not arrays(root)


def test_no_games(tmp_path: Path, extract: Extract) -> None:
    with pytest.raises(InputError, match=r"no such folder"):
        extract(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no game; put 1_224p\.mkv and 2_224p\.mkv"):
        extract(tmp_path)


def test_folders_are_followed_through_links(root: Path, tmp_path: Path, extract: Extract) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "league").symlink_to(root / "league")
    (root / "league" / "again").symlink_to(root / "league")
    assert [one.game for one in extract(linked, ["vtn"], out=tmp_path / "out")] == [GAME] * 2


def test_video_ini_says_which_seconds_are_the_half(
    tmp_path: Path, numbered_video: Callable[..., Path], extract: Extract
) -> None:
    """The rows of the file's seconds 4 to 9 are those of a video that holds nothing else."""
    whole, cut = tmp_path / "whole" / "game", tmp_path / "cut" / "game"
    for folder in (whole, cut):
        folder.mkdir(parents=True)
    numbered_video(whole / "1_HQ.mkv", pictures=120, fps=10, codec="ffv1")
    (whole / "video.ini").write_text("[1_HQ.mkv]\nstart_time_second = 4\nduration_second = 6\n")
    numbered_video(cut / "1.mkv", pictures=60, fps=10, codec="ffv1", first=40)
    for root in (tmp_path / "whole", tmp_path / "cut"):
        assert [(one.state, one.rows) for one in extract(root, ["vtn"])] == [("failed", 0), ("done", 6)]
    np.testing.assert_array_equal(np.load(whole / "1_vtn.npy"), np.load(cut / "1_vtn.npy"))
    record = json.loads((whole / "1_extraction.json").read_bytes())
    assert (record["video"]["start_s"], record["video"]["duration_s"]) == (4, 6)
    assert record["video"]["notes"] == ["video.ini: the half is seconds 4 to 10 of the file"]
    (whole / "video.ini").write_text("[1_HQ.mkv]\nstart_time_second = 5\nduration_second = 6\n")
    assert "was extracted with another video" in extract(tmp_path / "whole", ["vtn"])[1].text


@pytest.mark.skipif(not (SHARED / "field").exists(), reason="the reference data are not there")
def test_an_untrimmed_game_of_the_field(tmp_path: Path, extract: Extract) -> None:
    outcomes = extract(SHARED / "field" / "video_ini" / "root", ["vtn"], out=tmp_path)
    assert [(one.state, one.rows) for one in outcomes] == [("done", 30), ("done", 40)]


def test_chosen_games_and_splits(root: Path, extract: Extract, write_noise: Callable[..., Path]) -> None:
    for half in (1, 2):
        write_noise(root / "league/season/second" / f"{half}.mkv", 1)
    (root / "splits.json").write_text(json.dumps({"train": [GAME], "valid": ["league/season/second"]}))
    assert {one.game for one in extract(root, ["vtn"], split="valid")} == {"league/season/second"}
    assert {one.game for one in extract(root, ["vtn"], games=[GAME])} == {GAME}
    assert states(extract(root, ["vtn"])) == ["there"] * 4
