"""Downloading: what is missing and nothing else, and one line for whatever goes wrong."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.features import download as module
from soccerbench.features.download import download
from soccerbench.soccernet.games import official_games

BAIDU = ("1_baidu_soccer_embeddings.npy", "2_baidu_soccer_embeddings.npy")


def _array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 4), np.float32))
    return stream.getvalue()


ARRAY = _array()


class Site:
    """Stands in for the package's downloader: writes every file, or fails after some games."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[list[str], list[str]]] = []
        self.error: Exception | None = None
        self.games = 10**6
        monkeypatch.setattr(module, "_downloader", self._of)

    def _of(self, root: Path) -> Site:
        self.root = root
        return self

    def downloadGames(self, *, files: Sequence[str], split: Sequence[str], verbose: bool) -> None:  # noqa: N802
        self.calls.append((list(files), list(split)))
        for game in official_games(split[0])[: self.games]:
            (self.root / game).mkdir(parents=True, exist_ok=True)
            for name in files:
                (self.root / game / name).write_bytes(b"{}" if name.endswith(".json") else ARRAY)
        if self.error is not None:
            raise self.error


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**15}))
    return Site(monkeypatch)


def test_every_split_is_asked_for_once_and_the_challenge_without_labels(site: Site, tmp_path: Path) -> None:
    said: list[str] = []
    download(tmp_path / "root", features=["baidu"], say=said.append)
    labels = ["Labels-cameras.json", "Labels-v2.json"]
    assert site.calls == [
        ([*BAIDU, *labels], ["train"]),
        ([*BAIDU, *labels], ["valid"]),
        ([*BAIDU, *labels], ["test"]),
        (list(BAIDU), ["challenge"]),
    ]
    assert said[0].startswith("train: 1200 files to fetch")
    download(tmp_path / "root", features=["baidu"], say=said.append)
    assert len(site.calls) == 4
    assert said[-4:] == [f"{split}: complete" for split in ("train", "valid", "test", "challenge")]


def test_it_goes_on_with_what_is_missing(site: Site, tmp_path: Path) -> None:
    site.games, site.error = 7, ConnectionError("the line went dead\nand more")
    with pytest.raises(
        InputError, match=r"the download stopped \(ConnectionError: the line went dead\).*what is complete"
    ):
        download(tmp_path, features=["resnet"], labels=["v2"], splits=["valid"], say=str)
    site.games, site.error = 10**6, None
    (tmp_path / official_games("valid")[3] / "Labels-v2.json").unlink()
    said: list[str] = []
    download(tmp_path, features=["resnet"], labels=["v2"], splits=["valid"], say=said.append)
    assert said == [f"valid: {93 * 3 + 1} files to fetch (1_ResNET_TF2.npy, 2_ResNET_TF2.npy, Labels-v2.json)"]


REFUSED = (
    "Could not download from 'SoccerNet/SN' (401 Client Error for url: https://site/api/datasets/SoccerNet/SN/main.). "
    "If this dataset is gated, request access at https://site/datasets/SoccerNet/SN and log in."
)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, r"access was refused; ask for access at https://site/datasets/SoccerNet/SN, log in with `hf auth login`"),
        (503, r"the download stopped \(PermissionError: Could not .*; check network and disk"),
    ],
)
def test_refused_access_says_how_to_get_it(site: Site, tmp_path: Path, status: int, said: str) -> None:
    site.error = PermissionError(REFUSED)
    site.error.__cause__ = ConnectionError()
    site.error.__cause__.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=said):
        download(tmp_path, features=["baidu"], splits=["test"], say=str)


def test_a_folder_that_cannot_be_written_is_no_refused_access(site: Site, tmp_path: Path) -> None:
    site.error = PermissionError(13, "Permission denied")
    with pytest.raises(InputError, match=r"the download stopped .*Permission denied"):
        download(tmp_path, features=["baidu"], splits=["test"], say=str)


@pytest.mark.parametrize(("name", "data"), [(BAIDU[1], ARRAY[:-4]), (BAIDU[0], b""), ("Labels-v2.json", b'{"annota')])
def test_damaged_files_are_set_aside_and_fetched_again(site: Site, tmp_path: Path, name: str, data: bytes) -> None:
    download(tmp_path, features=["baidu"], splits=["test"], say=str)
    file = tmp_path / official_games("test")[4] / name
    whole = file.read_bytes()
    file.write_bytes(data)
    said: list[str] = []
    download(tmp_path, features=["baidu"], splits=["test"], say=said.append)
    assert said == [
        f"{file}: damaged; set aside as {name}.damaged, to be fetched again",
        f"test: 1 files to fetch ({name})",
    ]
    assert (file.read_bytes(), file.with_name(f"{name}.damaged").read_bytes()) == (whole, data)


def test_a_file_that_cannot_be_read_just_now_stays(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    download(tmp_path, features=["baidu"], splits=["test"], say=str)
    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(PermissionError):
        download(tmp_path, features=["baidu"], splits=["test"], say=str)
    assert not list(tmp_path.rglob("*.damaged"))


def test_files_of_the_second_layout_are_not_fetched_again(site: Site, tmp_path: Path) -> None:
    for game in official_games("test"):
        folder = tmp_path / "test" / game.replace(" ", "_")
        folder.mkdir(parents=True)
        for name in BAIDU:
            (folder / name).write_bytes(ARRAY)
    said: list[str] = []
    download(tmp_path, features=["baidu"], labels=["v2"], splits=["test"], say=said.append)
    assert said == ["test: 100 files to fetch (Labels-v2.json)"]
    assert site.calls == [(["Labels-v2.json"], ["test"])]
    download(tmp_path, features=["baidu"], labels=["v2"], splits=["test"], say=said.append)
    assert said[1:] == ["test: complete"]


def test_a_client_that_says_nothing_and_brings_nothing(site: Site, tmp_path: Path) -> None:
    site.games = 99
    with pytest.raises(InputError, match="did not come, nor did 1 other files of split test") as caught:
        download(tmp_path, features=["baidu"], labels=[], splits=["test"], say=str)
    assert caught.value.path == tmp_path / official_games("test")[99] / BAIDU[0]


def test_a_disk_too_small_is_said_before_anything_is_fetched(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 60 * 10**9}))
    with pytest.raises(InputError, match="needs about 103 GB more, and the disk has 60 GB free"):
        download(tmp_path, features=["baidu"], say=str)
    assert not site.calls


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"features": ["mega"]}, "unknown features 'mega'; known: baidu, resnet, resnet-pca512"),
        ({"features": ["baidu"], "labels": ["v9"]}, "unknown labels 'v9'"),
        ({"features": ["baidu"], "splits": ["dev"]}, "unknown split 'dev'"),
    ],
)
def test_names_that_are_none(site: Site, tmp_path: Path, options: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        download(tmp_path, say=str, **options)


def test_the_package_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, soccerbench.cli, soccerbench.features.download\n"
        "assert not {'SoccerNet', 'boto3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
