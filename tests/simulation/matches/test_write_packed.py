"""A dataset written packed at once is the plain one, packed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.features.packed import read_index
from soccerbench.features.verify import verify
from soccerbench.simulation.matches.write import write_mini

PCA = "ResNET_TF2_PCA512.npy"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four games, written packed."""
    out = tmp_path_factory.mktemp("packed") / "written"
    write_mini(out, games=4, packed=True)
    return out


def test_the_same_bytes_as_packing_the_plain_one(four_games: Path, written: Path, tmp_path: Path) -> None:
    pack(four_games, tmp_path / "packed")
    files = sorted(path.name for path in (tmp_path / "packed").glob("*.npy"))
    assert files == sorted(path.name for path in written.glob("*.npy"))
    for name in files:
        assert (tmp_path / "packed" / name).read_bytes() == (written / name).read_bytes()
    one, other = (read_index(folder / "pack.json") for folder in (tmp_path / "packed", written))
    assert (one.files, one.blocks, one.dtype) == (other.files, other.blocks, other.dtype)
    assert verify(written).ok
    assert not list(written.rglob("1_*.npy"))


@pytest.mark.parity
def test_one_file_at_the_width_of_the_release(tmp_path: Path) -> None:
    write_mini(tmp_path / "out", games=4, scale="release", packed=True, files=[PCA])
    assert {path.name for path in (tmp_path / "out").glob("*.npy")} == {
        f"{split}-{PCA}" for split in ("train", "valid", "test", "challenge")
    }
    root = Dataset(tmp_path / "out")
    assert root.store(("resnet-pca512",)).take(root.games["test"][0], 1, np.arange(3)).shape == (3, 512)
    assert set(json.loads((tmp_path / "out" / "features.json").read_text())["blocks"]) == {"resnet-pca512"}


def test_a_packed_dataset_is_not_taken_for_another(written: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in written.rglob("*")}
    write_mini(written, games=4, packed=True)
    others: list[dict[str, Any]] = [{}, {"packed": True, "seed": 1}, {"packed": True, "files": [PCA]}]
    for other in others:
        with pytest.raises(ValueError, match="is not this dataset"):
            write_mini(written, games=4, **other)
    assert {file: file.stat().st_mtime_ns for file in written.rglob("*")} == before
