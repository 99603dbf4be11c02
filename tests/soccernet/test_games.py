"""Games and splits: the official lists, a root's own, and lists that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import SPLITS, official_games, split_games


def test_the_official_lists_are_those_of_the_soccernet_package() -> None:
    from SoccerNet.utils import getListGames

    assert [len(official_games(split)) for split in SPLITS] == [300, 100, 100, 50]
    for split in SPLITS:
        assert list(official_games(split)) == getListGames(split)


def test_a_root_may_have_other_splits(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a/b/c"], "test": ["a/b/d"]}))
    assert split_games(Tree(tmp_path), "train") == ["a/b/c"]
    assert split_games(Tree(tmp_path), "challenge") == []


@pytest.mark.parametrize(
    "games", ['"a/b/c"', "[1]", '["../secret"]', '["/etc"]', '["a//b"]', '["a/b/c", "a/b/c"]', "{}"]
)
def test_splits_that_are_none(tmp_path: Path, games: str) -> None:
    (tmp_path / "splits.json").write_text(f'{{"train": {games}}}')
    with pytest.raises(InputError, match=r"splits\.json: key 'train'"):
        split_games(Tree(tmp_path), "train")


def test_an_unknown_split(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown split 'dev'"):
        split_games(Tree(tmp_path), "dev")


def test_a_folder_that_is_no_soccernet_root(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of the SoccerNet games"):
        Dataset(tmp_path)
    with pytest.raises(InputError, match=r"no such folder; give the folder that holds the SoccerNet games$"):
        Dataset(tmp_path / "none")


@pytest.mark.parametrize("simulated", ["labels", "features"])
def test_a_root_is_simulated_if_its_labels_or_its_features_are(tmp_path: Path, simulated: str) -> None:
    labels, features = tmp_path / "labels", tmp_path / "features"
    for folder in (labels, features):
        (folder / "a/b/c").mkdir(parents=True)
    (labels / "splits.json").write_text(json.dumps({"train": ["a/b/c"]}))
    assert not Dataset(labels, features=features).is_simulated
    (tmp_path / simulated / "features.json").write_text('{"simulated": {"seed": 0}}')
    assert Dataset(labels, features=features).is_simulated
