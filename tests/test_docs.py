"""The commands in README and docs do what they say: each is run, on data small enough for seconds."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import soccerbench
from soccerbench.cli import main
from soccerbench.soccernet.games import official_games

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "results").rglob("README.md")),
]
# The network, or the tests themselves.
NOT_RUN = ("pip", "tox", "git", "cd", "hf", *(f"soccerbench {verb}" for verb in ("data download", "push", "pull")))
SHORTER = {"0-2": "0-1", "1,6-8": "8", "--minutes 1": "--minutes 0.5", "max_epochs=2": "max_epochs=1"}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[str]:
    """Every command of a page's bash blocks that can be run here."""
    lines = [line for body in blocks(page, "bash") for line in body.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part and not part.startswith(("#", *NOT_RUN))]


def shortened(command: str, folder: Path) -> list[str]:
    """The words of a command, on tiny data, for one epoch, at most two seeds and one row of the release."""
    for long, short in SHORTER.items():
        command = re.sub(rf" {long}\b", f" {short}", command)
    words = shlex.split(command, comments=True)
    words = [word.replace("/data/SoccerNet", str(folder / "SoccerNet")) for word in words]
    words = [
        str(folder / "mini") if word == "mini" and words[at - 1] == "--data" else word for at, word in enumerate(words)
    ]
    if words[1] == "reproduce" and words[2] != "figure3":
        words += ["--set", "max_epochs=1", "--set", "batch_size=8", "--jobs", "1"]
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


@pytest.fixture(scope="module")
def folder(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the pages name; they share its runs, so that none is trained twice."""
    folder = tmp_path_factory.mktemp("docs")
    for name in ("mini", "SoccerNet"):
        shutil.copytree(shared_tiny_root, folder / name)
    game = next(shared_tiny_root.glob("*/*/*test*"))
    shutil.copytree(game, folder / "match", ignore=shutil.ignore_patterns("Labels*"))
    write_zips(folder)
    return folder


@pytest.fixture
def workplace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as working directory; $SOCCERNET_ROOT replaces the embedded dataset."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOCCERNET_ROOT", str(folder / "mini"))
    return folder


@pytest.mark.xdist_group("docs")  # one process, one folder of runs
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
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


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in page.read_text("utf-8")], ids=lambda p: p.name)
def test_the_examples_of_a_page_print_what_it_says(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed


def test_pages_have_commands_and_relative_links_exist() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 20
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_reference_has_every_public_name() -> None:
    named = re.findall(
        r"^::: soccerbench\.[\w.]+\.(\w+)$", (ROOT / "docs/reference.md").read_text("utf-8"), re.MULTILINE
    )
    assert set(soccerbench.__all__) <= set(named)
