"""The root on disk: official layout, real videos that play as drawn, the same bytes for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.simulation.videos.pictures import FPS, HEIGHT, WIDTH
from soccerbench.simulation.videos.script import season
from soccerbench.simulation.videos.write import half_pictures, write_videos
from soccerbench.soccernet.classes import CLASSES

GAMES, MINUTES = 4, 0.5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("videos") / "small"
    write_videos(out, games=GAMES, minutes=MINUTES)
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_it_is_a_simulated_soccernet_folder(written: Path) -> None:
    root = Dataset(written)
    assert root.is_simulated
    assert not root.is_mini
    assert {split: len(games) for split, games in root.games.items()} == {
        "train": 1, "valid": 1, "test": 1, "challenge": 1,
    }  # fmt: skip
    for split in root.games:
        for labels in root.labels(split).values():
            assert len(labels.label) > 2
    assert FeatureStore(written, ("vtn",)).width == 384  # nothing is said of features that are not there yet


def test_the_videos_play_as_drawn(written: Path) -> None:
    game = season(GAMES, MINUTES, seed=0)[1]
    drawn = np.concatenate(list(half_pictures(game, 2, seed=0)))
    with av.open(str(written / game.path / "2.mkv")) as container:
        assert container.streams.video[0].average_rate == FPS
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    played = np.stack(decoded)
    assert played.shape == drawn.shape == (round(60 * MINUTES * FPS), HEIGHT, WIDTH, 3)
    error = np.abs(played.astype(np.int16) - drawn)
    assert error.mean() < 6  # of 255
    assert error.mean(axis=(1, 2, 3)).max() < 10


def test_an_event_is_where_its_shot_shows_it() -> None:
    for game in season(6, 2.0, seed=3):
        begin, found = 0, []
        for half, shots in enumerate(game.halves, start=1):
            begin = 0
            for shot in shots:
                if shot.label is not None:
                    assert 2.8 <= shot.event_frame / FPS <= 3.2
                    found.append((half, (begin + shot.event_frame) * 1000 // FPS, shot.label))
                begin += shot.frames
            assert begin == 120 * FPS
        assert found == [(event.half, event.position_ms, event.label) for event in game.events]
        times = [event.position_ms for event in game.events if event.half == 1]
        assert min(np.diff(times)) >= 5000  # no two events in one snippet of five seconds


def test_every_class_occurs_in_every_split_of_the_default_size() -> None:
    for game in season(24, 5.0, seed=0):
        assert {event.label for event in game.events} == set(CLASSES)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        write_videos(tmp_path / name, games=GAMES, minutes=0.1, seed=seed)
    first, again, other = (files(tmp_path / name) for name in ("first", "again", "other"))
    assert again == first
    assert not {data for name, data in first.items() if name.endswith(".mkv")} & set(other.values())


def test_a_root_that_is_there_is_kept_and_anything_else_refused(written: Path, tmp_path: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in written.rglob("*")}
    write_videos(written, games=GAMES, minutes=MINUTES)
    assert {file: file.stat().st_mtime_ns for file in written.rglob("*")} == before
    with pytest.raises(InputError, match="not this root"):
        write_videos(written, games=GAMES, minutes=MINUTES, seed=5)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not this root"):
        write_videos(tmp_path, games=GAMES, minutes=MINUTES)


@pytest.mark.parametrize(("wrong", "said"), [
    ({"games": 3}, "cannot fill"),
    ({"seed": -1}, "negative"),
    ({"minutes": 0.01}, "not a half"),
    ({"minutes": float("nan")}, "not a half"),
    ({"minutes": 100.0}, "not a half"),
])  # fmt: skip
def test_numbers_that_make_no_root_are_refused(tmp_path: Path, wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        write_videos(tmp_path / "out", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_a_root_that_could_not_be_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soccerbench.simulation.videos.write.encode", full)
    with pytest.raises(InputError, match="No space left"):
        write_videos(tmp_path / "out", games=GAMES, minutes=MINUTES)
    assert list(tmp_path.iterdir()) == []


def test_the_verb(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["data", "videos", str(tmp_path / "out"), "--games", "4", "--minutes", "0.1"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out" / "videos.json").read_bytes())["games"] == 4
    assert len(list((tmp_path / "out").rglob("*.mkv"))) == 8
