"""Downloading: what is missing and nothing else, and one line for whatever goes wrong."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import unquote

import huggingface_hub.constants
import huggingface_hub.errors
import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.features import download as module
from soccerbench.features.download import download
from soccerbench.soccernet.games import SPLITS, official_games

BAIDU = ("1_baidu_soccer_embeddings.npy", "2_baidu_soccer_embeddings.npy")


def _array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 4), np.float32))
    return stream.getvalue()


ARRAY = _array()


class Site:
    """A stand-in for the hub's client: writes every file that is asked for, or fails after some games."""

    errors, constants = huggingface_hub.errors, huggingface_hub.constants

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[list[str], str]] = []
        self.revisions: list[str] = []
        self.sha = "a" * 40
        self.error: Exception | None = None
        self.games = 10**6
        monkeypatch.setattr(module, "client", lambda: self)

    def HfApi(self) -> Site:  # noqa: N802
        return self

    def dataset_info(self, repository: str, *, revision: str) -> SimpleNamespace:
        return SimpleNamespace(sha=self.sha)

    def snapshot_download(
        self, repository: str, *, repo_type: str, revision: str, local_dir: Path, allow_patterns: Sequence[str]
    ) -> None:
        files = sorted({pattern.rpartition("/")[2] for pattern in allow_patterns})
        split = next(split for split in SPLITS if allow_patterns[0].rpartition("/")[0] in official_games(split))
        self.calls.append((files, split))
        self.revisions.append(revision)
        kept = official_games(split)[: self.games]
        for pattern in allow_patterns:
            if pattern.rpartition("/")[0] in kept:
                (local_dir / pattern).parent.mkdir(parents=True, exist_ok=True)
                (local_dir / pattern).write_bytes(b"{}" if pattern.endswith(".json") else ARRAY)
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
    regular = [(files, split) for split in ("train", "valid", "test") for files in (list(BAIDU), labels)]
    assert site.calls == [*regular, (list(BAIDU), "challenge")]
    assert "Labels-replays.json" in said[0]
    assert said[1].startswith("SoccerNet/SN-Features: licence and terms of use at ")
    assert said[3] == "in all: 2100 files to fetch, about 103 GB, 2.3 h at 100 Mbit/s"
    assert said[4].startswith("train: 1200 files to fetch, about 56.4 GB, 75 min at 100 Mbit/s (")
    download(tmp_path / "root", features=["baidu"], say=said.append)
    assert len(site.calls) == 7
    assert said[-4:] == [f"{split}: complete" for split in ("train", "valid", "test", "challenge")]


def test_only_missing_files_are_fetched(site: Site, tmp_path: Path) -> None:
    site.games, site.error = 7, ConnectionError("the line went dead\nand more")
    with pytest.raises(
        InputError, match=r"the download stopped \(ConnectionError: the line went dead\).*complete files"
    ):
        download(tmp_path, features=["resnet"], labels=["v2"], splits=["valid"], say=str)
    site.games, site.error = 10**6, None
    (tmp_path / official_games("valid")[3] / "1_ResNET_TF2.npy").unlink()
    said: list[str] = []
    download(tmp_path, features=["resnet"], labels=["v2"], splits=["valid"], say=said.append)
    files = f"{93 * 2 + 1 + 100} files to fetch, about 8.41 GB, 11 min at 100 Mbit/s"
    assert said[2:] == [f"valid: {files} (1_ResNET_TF2.npy, 2_ResNET_TF2.npy, Labels-v2.json)"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, r"access was refused; ask for access at .*/datasets/SoccerNet/SN-Features, log in with `hf auth login`"),
        (503, r"the download stopped \(HfHubHTTPError: down\); check network and disk"),
    ],
)
def test_refused_access_says_how_to_get_it(site: Site, tmp_path: Path, status: int, said: str) -> None:
    response: Any = SimpleNamespace(status_code=status, headers={}, request=None)
    site.error = huggingface_hub.errors.HfHubHTTPError("down", response=response)
    with pytest.raises(InputError, match=said):
        download(tmp_path, features=["baidu"], splits=["test"], say=str)


def test_later_downloads_take_the_first_revision(site: Site, tmp_path: Path) -> None:
    download(tmp_path, features=["baidu"], labels=[], splits=["test"], say=str)
    site.sha = "b" * 40
    download(tmp_path, features=["baidu"], labels=["v2"], splits=["valid"], say=str)
    assert site.revisions == ["a" * 40, "a" * 40, "b" * 40]  # labels are another repository
    assert json.loads((tmp_path / "revisions.json").read_bytes()) == {
        "SoccerNet/SN-Features@baidu-soccer-embeddings": "a" * 40,
        "SoccerNet/SN-Labels@main": "b" * 40,
    }
    for damaged in ("[]", '{"SoccerNet/SN-Labels@main": 3}'):
        (tmp_path / "revisions.json").write_text(damaged)
        with pytest.raises(InputError, match="not a JSON object of commits"):
            download(tmp_path, features=[], labels=["v2"], splits=["test"], say=str)


def test_a_folder_that_cannot_be_written_is_no_refused_access(site: Site, tmp_path: Path) -> None:
    site.error = PermissionError(13, "Permission denied")
    with pytest.raises(InputError, match=r"the download stopped .*Permission denied.*; check the folder's permissions"):
        download(tmp_path, features=["baidu"], splits=["test"], say=str)


@pytest.mark.parametrize(("name", "data"), [(BAIDU[1], ARRAY[:-4]), (BAIDU[0], b""), ("Labels-v2.json", b'{"annota')])
def test_damaged_files_are_set_aside_and_fetched_again(site: Site, tmp_path: Path, name: str, data: bytes) -> None:
    download(tmp_path, features=["baidu"], splits=["test"], say=str)
    file = tmp_path / official_games("test")[4] / name
    whole = file.read_bytes()
    file.write_bytes(data)
    said: list[str] = []
    download(tmp_path, features=["baidu"], splits=["test"], say=said.append)
    assert said[0] == f"{file}: damaged; set aside as {name}.damaged, to be fetched again"
    assert said[2].startswith("test: 1 file to fetch, ")
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
    assert said[1:] == ["test: 100 files to fetch, less than 50 MB (Labels-v2.json)"]
    assert site.calls == [(["Labels-v2.json"], "test")]
    download(tmp_path, features=["baidu"], labels=["v2"], splits=["test"], say=said.append)
    assert said[2:] == ["test: complete"]


def test_single_games(site: Site, tmp_path: Path) -> None:
    game = official_games("test")[5]
    download(tmp_path, features=["baidu"], splits=["test"], games=[game], say=str)
    assert {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npy")} == {game}
    assert len(list(tmp_path.rglob("*.*"))) == 5


def test_a_client_that_skips_a_file_without_a_word(site: Site, tmp_path: Path) -> None:
    site.games = 99
    with pytest.raises(InputError, match="was not downloaded, like 1 other file of split test") as caught:
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
        ({"features": ["badu"]}, r"unknown features 'badu' \(did you mean 'baidu'\?\); known"),
        ({"features": ["baidu"], "games": ["league/x"]}, "no game 'league/x' in train, valid, test, challenge"),
        ({"features": ["mega"]}, "unknown features 'mega'; known: baidu, resnet, resnet-pca512"),
        ({"features": ["baidu"], "labels": ["v9"]}, "unknown labels 'v9'"),
        ({"features": ["baidu"], "splits": ["dev"]}, "unknown split 'dev'"),
    ],
)
def test_unknown_names(site: Site, tmp_path: Path, options: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        download(tmp_path, say=str, **options)


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a download uses, with one dataset of the first two test games."""

    sha = "c" * 40
    files: ClassVar = {f"{game}/{name}": ARRAY for game in official_games("test")[:2] for name in BAIDU}

    def log_message(self, *_: object) -> None:
        """Keep silent."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        listed = [{"type": "file", "path": name, "rfilename": name, "size": len(ARRAY), "oid": "0" * 40}
                  for name in self.files]  # fmt: skip
        if "/resolve/" in path:
            body = self.files[path.partition(f"/resolve/{self.sha}/")[2]]
        elif "/tree/" in path:
            body = json.dumps(listed).encode()
        else:
            body = json.dumps({"id": "SoccerNet/SN-Features", "sha": self.sha, "siblings": listed}).encode()
        self.send_response(200)
        for key, value in {"ETag": '"1"', "X-Repo-Commit": self.sha, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def test_the_real_client_fetches_from_a_local_hub(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    script = (
        "import sys; from pathlib import Path; from soccerbench.features import download as d\n"
        "d.official_games = lambda split, of=d.official_games: of(split)[:2]\n"
        "d.download(Path(sys.argv[1]), features=['baidu'], labels=[], splits=['test'], say=str)"
    )
    local = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "home"),
        "NO_PROXY": "*",
    }
    subprocess.run([sys.executable, "-c", script, tmp_path / "root"], check=True, env=os.environ | local, timeout=120)
    server.shutdown()
    server.server_close()
    assert {name: (tmp_path / "root" / name).read_bytes() for name in Hub.files} == Hub.files
    assert json.loads((tmp_path / "root" / "revisions.json").read_bytes()).popitem()[1] == Hub.sha


def test_the_package_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, soccerbench.cli, soccerbench.features.download\n"
        "assert not {'SoccerNet', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
