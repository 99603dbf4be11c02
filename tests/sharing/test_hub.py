"""`push` and `pull`: the hub's own client against a local stand-in of its API."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import unquote

import huggingface_hub
import huggingface_hub.constants
import pytest

from soccerbench.errors import InputError
from soccerbench.sharing.hub import address, pull, push

Runs = Callable[..., Path]
TARGET = "hf://me/row-8"


def page() -> str:
    return f"{huggingface_hub.constants.ENDPOINT}/me/row-8"


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a push and a pull use, with the repository me/row-8 on branch main."""

    files: ClassVar[dict[str, bytes]] = {}
    refused: ClassVar[bool] = False
    sha = "d" * 40

    def log_message(self, *_: object) -> None:
        """Keep silent."""

    def answer(self, body: bytes, *, status: int = 200) -> None:
        self.send_response(status)
        tag = hashlib.sha256(body).hexdigest()
        for key, value in {"ETag": f'"{tag}"', "X-Repo-Commit": self.sha, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        listed = [{"type": "file", "path": name, "rfilename": name, "size": len(body), "oid": "0" * 40}
                  for name, body in self.files.items()]  # fmt: skip
        if self.refused:
            self.answer(b"{}", status=403)
        elif "/resolve/" in path:
            name = path.partition(f"/me/row-8/resolve/{self.sha}/")[2]
            self.answer(self.files.get(name, b""), status=200 if name in self.files else 404)
        elif "/tree/" in path:
            self.answer(json.dumps(listed).encode())
        else:
            self.answer(json.dumps({"id": "me/row-8", "sha": self.sha, "siblings": listed}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refused:
            self.answer(b"{}", status=403)
        elif "/preupload/" in self.path:
            asked = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for one in json.loads(body)["files"]]  # fmt: skip
            self.answer(json.dumps({"files": asked}).encode())
        elif "/commit/main" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer(json.dumps({"commitUrl": f"{page()}/commit/{self.sha}", "commitOid": self.sha}).encode())
        else:
            self.answer(json.dumps({"url": page(), "id": "me/row-8"}).encode())


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "*")
    site = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", site)
    place = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", site + place)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    huggingface_hub.close_session()
    Hub.files, Hub.refused = {}, False
    yield Hub
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()


@pytest.fixture
def row(runs: Runs) -> Path:
    """One row of two seeds, one with a checkpoint that must not be opened."""
    runs("mine", seed=1, late_s=7)
    folder = runs("mine") / "mini/table2/row-08"
    (folder / "seed-0/checkpoint.pt").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    (folder / "seed-0/notes-of-mine.txt").write_text("private")
    return folder


def test_a_row_travels_and_comes_back_the_same(site: type[Hub], row: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert push(row, TARGET, benchmark="me/mini", say=said.append) == Hub.sha
    assert sorted(site.files) == [
        ".eval_results/soccerbench-table2-row-08.yaml", "README.md", "seed-0/checkpoint.pt",
        "seed-0/predictions-test.zip", "seed-0/result.json", "seed-1/predictions-test.zip", "seed-1/result.json",
        "soccerbench.json",
    ]  # fmt: skip
    folders = pull(f"{TARGET}@main", tmp_path / "theirs", say=said.append)
    assert [folder.relative_to(tmp_path / "theirs").as_posix() for folder in folders] == [
        "mini/table2/row-08/seed-0", "mini/table2/row-08/seed-1",
    ]  # fmt: skip
    for folder in folders:
        about = json.loads((folder / "pulled.json").read_bytes())
        assert about == {"repository": "me/row-8", "revision": Hub.sha}
        for file in folder.glob("[!p]*"):
            assert file.read_bytes() == (row / folder.name / file.name).read_bytes()
    assert not list((tmp_path / "theirs").glob(".*"))  # what was fetched aside is gone
    assert "5 files, 0.0 MB to download" in said[1]
    with pytest.raises(InputError, match="holds a run already"):
        pull(TARGET, tmp_path / "theirs", say=str)


def forge(site: type[Hub], name: str, content: bytes) -> None:
    """Replace a file of the repository, and its entry in the manifest."""
    site.files[name] = content
    manifest = json.loads(site.files["soccerbench.json"])
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    site.files["soccerbench.json"] = json.dumps(manifest).encode()


def better(content: bytes) -> bytes:
    result = json.loads(content)
    result["scores"]["test"]["loose"]["average_map"] = 0.99
    return json.dumps(result).encode()


def elsewhere(content: bytes) -> bytes:
    return json.dumps(json.loads(content) | {"dataset": "../../.."}).encode()


def damage(site: type[Hub], how: str) -> None:
    result = site.files["seed-0/result.json"]
    if how == "changed":
        site.files["seed-0/predictions-test.zip"] += b"x"
    elif how == "missing":
        del site.files["seed-1/result.json"]
    elif how == "escapes":
        forge(site, "../../evil.py", b"")
    elif how == "glob":
        forge(site, "seed-0/*", b"")
    elif how == "score":
        forge(site, "seed-0/result.json", better(result))
    elif how == "place":
        for seed in (0, 1):
            forge(site, f"seed-{seed}/result.json", elsewhere(site.files[f"seed-{seed}/result.json"]))
    elif how == "manifest":
        site.files["soccerbench.json"] = b'{"version": 1}'


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("changed", "predictions-test.zip is not the file that the manifest describes"),
        ("missing", "seed-1/result.json is not the file that the manifest describes"),
        ("escapes", r"its manifest names '\.\./\.\./evil\.py', which is no file of a run"),
        ("glob", r"its manifest names 'seed-0/\*'"),
        ("score", r"test, loose: reports 0\.99, its games give 0\.1764"),
        ("place", r"'\.\./\.\./\.\.' is no name of a dataset"),
        ("manifest", "lacks files"),
    ],
)
def test_what_is_not_as_it_was_pushed_is_refused(
    site: type[Hub], row: Path, tmp_path: Path, how: str, said: str
) -> None:
    push(row, TARGET, say=str)
    damage(site, how)
    out = tmp_path / "theirs"
    with pytest.raises(InputError, match=said):
        pull(TARGET, out, say=str)
    assert not list(out.iterdir())


def test_refused_access_says_how_to_get_it(site: type[Hub], row: Path, tmp_path: Path) -> None:
    site.refused = True
    for done in (lambda: push(row, TARGET, say=str), lambda: pull(TARGET, tmp_path / "out", say=str)):
        with pytest.raises(
            InputError, match=r"access was refused; ask for access at .*/me/row-8, log in with `hf auth"
        ):
            done()


def test_only_one_honest_row_is_pushed(site: type[Hub], row: Path, runs: Runs) -> None:
    runs("mine", row=7)
    with pytest.raises(InputError, match="holds runs of 2 rows; give the folder of one"):
        push(row.parents[2], TARGET, say=str)
    file = row / "seed-0/result.json"
    file.write_bytes(better(file.read_bytes()))
    with pytest.raises(InputError, match=r"reports 0\.99, its games give"):
        push(row, TARGET, say=str)
    assert not site.files


@pytest.mark.parametrize("text", ["me/row-8", "hf://me", "hf://me/../x/y", "https://me/row", "hf://me/x@", ""])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not hf://OWNER/NAME"):
        address(text)


def test_an_address_with_a_revision() -> None:
    found: Any = address("hf://me/row-8@v1.0")
    assert found == ("me/row-8", "v1.0")
