"""The two public layouts: the same games, labels and features from either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.features.verify import verify
from soccerbench.soccernet.games import GameTree, Layout, official_games


def by_split(root: Path, out: Path) -> Path:
    """The same root with its games under their splits, underscores for spaces."""
    for split, games in json.loads((root / "splits.json").read_text()).items():
        for game in games:
            shutil.copytree(root / game, out / split / game.replace(" ", "_"))
    for name in ("splits.json", "features.json"):
        shutil.copy(root / name, out / name)
    return out


@pytest.fixture(scope="module")
def other(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_split(shared_tiny_root, tmp_path_factory.mktemp("layouts") / "by-split")


def test_games_labels_and_features_are_the_same(shared_tiny_root: Path, other: Path) -> None:
    official, split = Dataset(shared_tiny_root), Dataset(other)
    assert official.games == split.games
    for name in ("train", "valid", "test"):
        assert split.has_labels(name)
        for game, labels in official.labels(name).items():
            np.testing.assert_array_equal(labels.position_ms, split.labels(name)[game].position_ms)
            rows = np.arange(40)
            one, two = (root.store(("vtn", "gta")).take(game, 2, rows) for root in (official, split))
            np.testing.assert_array_equal(one, two)
    assert all(map(split.has_features, split.games["challenge"]))


def test_it_can_be_packed_and_verified(shared_tiny_root: Path, other: Path, tmp_path: Path) -> None:
    checks = {problem.check for problem in verify(other).problems}
    assert checks <= {"order"}  # the tiny root's blocks know no ReLU
    packed = [pack(root, tmp_path / name).index for root, name in ((shared_tiny_root, "one"), (other, "two"))]
    assert packed[0].files == packed[1].files
    assert Dataset(tmp_path / "two").labels("test").keys() == Dataset(shared_tiny_root).labels("test").keys()


def test_features_in_one_layout_and_labels_in_the_other(shared_tiny_root: Path, other: Path) -> None:
    for root in (Dataset(shared_tiny_root, features=other), Dataset(other, features=shared_tiny_root)):
        game = root.games["test"][0]
        assert root.store(("vtn",)).length(game, 1) == 150
        assert root.labels("test")[game].game == game


def test_official_games_without_a_list(tmp_path: Path) -> None:
    game = official_games("valid")[5]
    folder = tmp_path / "valid" / game.replace(" ", "_")
    folder.mkdir(parents=True)
    assert Layout(tmp_path).folder(game) == f"valid/{game.replace(' ', '_')}"
    assert Dataset(tmp_path).has_features(game)
    tree = GameTree(tmp_path)
    assert f"{game}/Labels-v2.json" not in tree
    (folder / "Labels-v2.json").write_text("{}")
    assert f"{game}/Labels-v2.json" in tree
    assert tree.json(f"{game}/Labels-v2.json") == {}


def test_a_missing_file_is_named_where_it_is_looked_for(other: Path, tmp_path: Path) -> None:
    game = Dataset(other).games["test"][0]
    with pytest.raises(InputError, match="missing"):
        GameTree(other).read(f"{game}/Labels-v9.json")


def test_the_official_layout_wins_where_both_are_there(shared_tiny_root: Path, tmp_path: Path) -> None:
    root = by_split(shared_tiny_root, tmp_path / "both")
    game = Dataset(shared_tiny_root).games["train"][0]
    shutil.copytree(shared_tiny_root / game, root / game)
    assert Layout(root).folder(game) == game


def test_labels_in_official_folders_next_to_features_by_split(
    shared_tiny_root: Path, other: Path, tmp_path: Path
) -> None:
    shutil.copytree(other, tmp_path / "both")
    for game in (game for games in Dataset(shared_tiny_root).games.values() for game in games):
        (tmp_path / "both" / game).mkdir(parents=True)
        for labels in (tmp_path / "both" / Layout(other).folder(game)).glob("Labels*"):
            labels.rename(tmp_path / "both" / game / labels.name)
    root, official = Dataset(tmp_path / "both"), Dataset(shared_tiny_root)
    game = root.games["train"][0]
    assert root.store(("vtn",)).length(game, 1) == 150
    np.testing.assert_array_equal(root.labels("train")[game].position_ms, official.labels("train")[game].position_ms)
    pack(root.path, tmp_path / "packed")
    pack(official.path, tmp_path / "official")
    for file in (tmp_path / "official").rglob("*.npy"):
        assert file.read_bytes() == (tmp_path / "packed" / file.name).read_bytes()
    assert Dataset(tmp_path / "packed").labels("train").keys() == official.labels("train").keys()
