"""The commands in README and docs do what they say: each is run, on data small enough for seconds."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from soccerbench.cli import main
from soccerbench.soccernet.games import official_games

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = ("pip", "tox", "git", "cd", "soccerbench data download")  # the network, or the tests themselves
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[str]:
    """Every command of a page's bash blocks that can be run here."""
    lines = [line for body in blocks(page, "bash") for line in body.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part and not part.startswith(("#", *NOT_RUN))]


def shortened(command: str, folder: Path) -> list[str]:
    """The words of a command, on tiny data and for one epoch."""
    words = shlex.split(command, comments=True)
    words = [word.replace("/data/SoccerNet", str(folder / "SoccerNet")) for word in words]
    words = [
        str(folder / "mini") if word == "mini" and words[at - 1] == "--data" else word for at, word in enumerate(words)
    ]
    if words[1] == "reproduce" and words[2] != "figure3":
        words += ["--set", "max_epochs=1", "--set", "batch_size=8"]
    if words[1:3] == ["data", "mini"] and "--games" not in words:
        words += ["--games", "4"]
    return words


def write_zips(folder: Path) -> None:
    """`labels.zip` and submissions for the official test games, one event and two detections each."""
    for name, file, content in (
        ("labels.zip", "Labels-v2.json", {"annotations": [
            {"gameTime": "1 - 01:00", "label": "Goal", "position": "60000", "visibility": "visible"}]}),
        ("results.zip", "results_spotting.json", {"predictions": [
            {"gameTime": "1 - 01:01", "half": "1", "label": "Goal", "position": "61000", "confidence": "0.9"},
            {"gameTime": "2 - 01:00", "half": "2", "label": "Foul", "position": "60000", "confidence": "0.2"}]}),
    ):  # fmt: skip
        with zipfile.ZipFile(folder / name, "w") as archive:
            for game in official_games("test"):
                archive.writestr(f"{game}/{file}", json.dumps({"UrlLocal": game, **content}))
    for name in ("mine.zip", "theirs.zip"):
        shutil.copy(folder / "results.zip", folder / name)


@pytest.fixture
def workplace(tmp_path: Path, shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that the pages name, in which $SOCCERNET_ROOT stands for the embedded dataset."""
    for name in ("mini", "SoccerNet"):
        shutil.copytree(shared_tiny_root, tmp_path / name)
    write_zips(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOCCERNET_ROOT", str(tmp_path / "mini"))
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_works(
    page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for language in ("python", "yaml"):
        for body in blocks(page, language):
            named = re.match(r"# (\w+\.(?:py|yaml))\n", body)
            if named:
                (workplace / named[1]).write_text(body)
    for command in commands(page):
        monkeypatch.setattr(sys, "argv", shortened(command, workplace))
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, f"{command}: {capsys.readouterr().err}"


def test_the_pages_have_commands_and_their_links_lead_somewhere() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 20
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
