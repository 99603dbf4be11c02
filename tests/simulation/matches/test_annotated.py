"""Real annotations with simulated features."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.simulation.matches.annotated import annotated_games
from soccerbench.simulation.matches.feature_blocks import FILES
from soccerbench.simulation.matches.write import write_mini
from soccerbench.soccernet.games import official_games

LABELS = SHARED / "soccernet_v2_labels.zip"
CHOICE = {"train": 2, "valid": 1, "test": 2}


@pytest.fixture
def source(four_games, tmp_path):
    """Simulated annotations under the names of five official games."""
    annotated = sorted(path.parent for path in four_games.rglob("Labels-v2.json"))
    names = [name for split, count in CHOICE.items() for name in official_games(split)[:count]]
    for place, name in enumerate(names):
        game = tmp_path / "source" / name
        game.mkdir(parents=True)
        shutil.copy(annotated[place % len(annotated)] / "Labels-v2.json", game)
    return tmp_path / "source"


@pytest.fixture
def one_file(monkeypatch):
    """One block only: the others are made alike."""
    monkeypatch.setattr("soccerbench.simulation.matches.write.FILES", {"tpn_r50.npy": FILES["tpn_r50.npy"]})


def test_labels_are_copied_byte_by_byte_and_withheld_for_the_challenge(source, tmp_path, one_file):
    out = tmp_path / "out"
    write_mini(out, games=5, labels=source)
    root = Dataset(out)
    assert {split: len(games) for split, games in root.games.items()} == {
        "train": 2, "valid": 1, "test": 1, "challenge": 1
    }  # fmt: skip
    for split in ("train", "valid", "test"):
        for game in root.games[split]:
            assert (out / game / "Labels-v2.json").read_bytes() == (source / game / "Labels-v2.json").read_bytes()
            assert root.labels(split)[game].label.size > 100
    (held_back,) = root.games["challenge"]
    assert sorted(path.name for path in (out / held_back).iterdir()) == ["1_tpn_r50.npy", "2_tpn_r50.npy"]
    assert root.is_simulated


def test_half_lasts_45_minutes_or_a_minute_more_than_its_last_event(source):
    for game in annotated_games(source, seed=0, games=5):
        last_s = [game.match.half(half)[-1].position_ms // 1000 for half in (1, 2)]
        assert game.match.lengths_s == tuple(max(2700, last + 60) for last in last_s)


def test_same_source_is_recognised_and_another_is_not(source, tmp_path, one_file):
    out = tmp_path / "out"
    write_mini(out, games=5, labels=source)
    write_mini(out, games=5, labels=source)
    label = next(source.rglob("Labels-v2.json"))
    label.write_bytes(label.read_bytes() + b"\n")
    with pytest.raises(InputError, match="not this dataset"):
        write_mini(out, games=5, labels=source)


def test_camera_files_of_the_source_are_what_is_shown(four_games, source, tmp_path, one_file):
    annotated = sorted(path.parent for path in four_games.rglob("Labels-v2.json"))
    for path in source.rglob("Labels-v2.json"):
        for game in annotated:
            if (game / "Labels-v2.json").read_bytes() == path.read_bytes():
                shutil.copy(game / "Labels-cameras.json", path.parent)
    games = annotated_games(source, seed=0, games=5)
    for game in games:
        written = json.loads((source / game.path / "Labels-cameras.json").read_bytes())["annotations"]
        replays = [entry for entry in written if entry["replay"] == "replay"]
        shown = [None if shot.event is None else game.match.events[shot.event].label for shot in game.shots]
        assert shown == [entry["link"]["label"] if "link" in entry else None for entry in replays]
    held_back = next(game for game in games if game.split == "challenge")
    assert set(held_back.label_files) == {"Labels-replays.json"}
    public = json.loads(held_back.label_files["Labels-replays.json"])["annotations"]
    assert {entry.get("link") for entry in public} == {None, ""}
    assert {(entry["label"], entry["change_type"]) for entry in public} == {("", "")}


def test_too_few_games_are_named(source, tmp_path):
    with pytest.raises(InputError, match=r"holds 2 games of the official train list .* 4 are needed"):
        write_mini(tmp_path / "out", games=7, labels=source)


@pytest.mark.parametrize("kind", ["missing", "empty folder", "text file"])
def test_source_that_is_none_is_one_line(tmp_path, kind):
    labels = tmp_path / "labels"
    if kind == "empty folder":
        labels.mkdir()
    elif kind == "text file":
        labels.write_text("no zip")
    with pytest.raises(InputError, match="labels") as caught:
        write_mini(tmp_path / "out", games=4, labels=labels)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_broken_label_file_is_named_and_nothing_is_written(source, tmp_path):
    broken = next(source.rglob("Labels-v2.json"))
    broken.write_text('{"annotations": [')
    with pytest.raises(InputError, match=r"Labels-v2\.json"):
        write_mini(tmp_path / "out", games=5, labels=source)
    assert not (tmp_path / "out").exists()


def test_all_public_games_are_read_and_spread_evenly():
    if not LABELS.exists():
        pytest.skip("no reference data: soccernet_v2_labels.zip")
    games = annotated_games(LABELS, seed=0, games=100)
    assert Counter(game.split for game in games) == {"train": 60, "valid": 20, "test": 14, "challenge": 6}
    places = [official_games("train").index(game.path) for game in games if game.split == "train"]
    assert set(np.diff(places)) == {5}
    assert sum(len(game.match.events) for game in games) > 20_000
