"""The HTML report: whole, self-contained, and with every name as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.report.html.packing import POSITION, SHARE, SMALL, pack
from soccerbench.report.html.pages import page_of_submission
from soccerbench.report.html.pictures import scores_data
from soccerbench.report.html.render import Entry, Page, Picture, embedded, render
from soccerbench.report.html.timeline import times_that_fit
from soccerbench.report.table import table, tuple_columns
from soccerbench.soccernet.archive import Tree


class Reader(HTMLParser):
    """Elements, attributes and text of a page, as a browser would take them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)


@pytest.fixture(scope="module")
def hostile_page(hostile: tuple[Path, Path]) -> Reader:
    labels, predictions = hostile
    page = page_of_submission(task="spotting", labels=labels, predictions=predictions, split="all")
    return Reader(render(page).decode())


def test_nothing_is_loaded_and_only_our_script_may_run(hostile_page: Reader) -> None:
    addresses = [
        value
        for _, attributes in hostile_page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "poster", "data")
    ]
    assert addresses
    assert all(value.startswith(("#", "data:")) for value in addresses)
    _, script = hostile_page.scripts
    assert "//" not in re.sub(r"//[^\n]*|http://www.w3.org/2000/svg", "", script)
    policy = next(attributes["content"] for tag, attributes in hostile_page.tags if "http-equiv" in attributes)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, attributes in hostile_page.tags for name in attributes if name.startswith("on")]


def test_hostile_names_arrive_as_they_are_and_as_text(hostile_page: Reader, hostile: tuple[Path, Path]) -> None:
    names = {path.parent.relative_to(hostile[0]).as_posix() for path in hostile[0].rglob("Labels-v2.json")}
    data = json.loads(hostile_page.scripts[0])
    assert {game["folder"] for game in data["games"]["all"]} == names
    assert {game["name"] for game in data["games"]["all"]} == names  # none is an official name
    assert len(hostile_page.scripts) == 2
    assert all(
        attributes["src"].startswith("data:image/svg+xml") for tag, attributes in hostile_page.tags if tag == "img"
    )


def test_hostile_text_in_every_field_of_a_page() -> None:
    evil = "<script>alert(1)</script>&\"'"
    drawn = table(evil, tuple_columns((evil, None)), [(evil,)], [evil])
    picture = Picture(evil, b"<svg/>", evil)
    entry = Entry(evil, [(evil, evil)], [(evil, evil, evil)], [(evil, evil)], [picture])
    page = Page(evil, [evil], [drawn], [entry], {"name": evil}, [picture])
    read = Reader(render(page).decode())
    assert len(read.scripts) == 2
    assert json.loads(read.scripts[0]) == {"name": evil}
    assert sum(text.count(evil) for text in ["".join(read.texts)]) == 17
    assert read.tags.count(("img", {"alt": evil, "src": picture.address})) == 2
    assert ("figure", {"data-entry": "0", "data-split": evil}) in read.tags
    assert ("td", {"data-title": evil}) in read.tags


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "\u2028\u2029", "&lt;", '"\\', "⚽\u202e"])
def test_embedded_data_is_the_same_json_without_a_way_out(text: str) -> None:
    written = embedded({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set(written) & set("<>&\u2028\u2029")


def test_packed_columns_are_what_the_script_reads() -> None:
    columns = {
        "position": (POSITION, np.array([0, 2_700_123])),
        "confidence": (SHARE, np.array([0.5, 1.0])),
        "half": (SMALL, np.array([1, 2])),
    }
    packed = base64.b64decode(pack(columns))
    assert packed[:8] == (0).to_bytes(4, "little") + (2_700_123).to_bytes(4, "little")
    assert packed[8:12] == (32768).to_bytes(2, "little") + (65535).to_bytes(2, "little")
    assert packed[12:] == bytes([1, 2])
    with pytest.raises(ValueError, match="half 256 to 256: must be in 0 to 255"):
        pack({"half": (SMALL, np.array([256]))})
    with pytest.raises(ValueError, match="the widest must be first"):
        pack({"half": (SMALL, np.array([1])), "position": (POSITION, np.array([1]))})


@pytest.mark.parametrize(("events", "times"), [(0, 3), (1000, 3), (83_333, 3), (83_334, 2), (125_001, 1), (10**7, 1)])
def test_timelines_are_thinned_where_there_are_very_many(events: int, times: int) -> None:
    assert times_that_fit(events) == times


def test_the_breakdown_of_a_submission_adds_up(hostile: tuple[Path, Path]) -> None:
    labels, predictions = hostile
    page = page_of_submission(task="spotting", labels=labels, predictions=predictions, split="all")
    split = page.data["entries"][0]["splits"]["all"]
    events = sum(game["count"] for game in page.data["games"]["all"])
    assert np.sum(split["breakdown"]["happened"]) == events == 36
    assert np.sum(split["breakdown"]["detected"]) == 36  # of 72 detections the most confident half
    assert np.sum(split["breakdown"]["detected"], axis=0)[0] == 36  # the confident ones are at their events
    assert split["omitted"] == 0
    assert sum(game["count"] for game in split["detected"]) == 72


def test_each_file_of_a_submission_is_read_once(hostile: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[Path] = Counter()

    def counted(tree: Tree, name: str, of: Callable[[Tree, str], bytes] = Tree.read) -> bytes:
        read[tree.path / name] += 1
        return of(tree, name)

    monkeypatch.setattr(Tree, "read", counted)
    labels, predictions = hostile
    page_of_submission(task="spotting", labels=labels, predictions=predictions, split="all")
    assert read == dict.fromkeys([*labels.rglob("*.json"), *predictions.rglob("*.json")], 1)


def test_a_report_of_runs(shared_tiny_root: Path, tmp_path: Path, train_rows: Callable[..., Path]) -> None:
    runs = train_rows(shared_tiny_root, tmp_path / "runs", 7, 10, seeds=(0, 1))
    arguments = ["report", str(runs), "--out", str(tmp_path / "page.html"), "--data", str(shared_tiny_root)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    read = Reader((tmp_path / "page.html").read_text("utf-8"))
    text, data = " ".join(read.texts), json.loads(read.scripts[0])
    assert "Simulated features: these numbers are not comparable with the paper" in text
    assert "73.77" not in text  # published, and not to be set against simulated features
    assert "no source documents which second a feature row stands for" in text
    for run in runs.rglob("result.json"):
        result = json.loads(run.read_text())
        assert all(result[key] in text for key in ("digest", "data_fingerprint", "code"))
        for split in filter(None, result["scores"].values()):
            assert split["loose"]["signature"] in text
    assert [entry["splits"].keys() for entry in data["entries"]] == [{"test", "challenge"}, {"challenge"}]
    pictures = [base64.b64decode(part["src"].split(",")[1]).decode() for tag, part in read.tags if tag == "img"]
    curves = next(text for text in pictures if ">loss<" in text)
    assert all(f">seed {seed}, {kind}<" in curves for seed in (0, 1) for kind in ("training", "validation"))
    assert len(data["games"]["tiny test"]) == len(data["games"]["tiny challenge"]) == 1


def test_scores_are_means_over_seeds_tight_before_loose() -> None:
    def score(goal: float | None, tolerances_s: list[int]) -> dict[str, Any]:
        points = {"tolerances_s": tolerances_s, "map_per_tolerance": [0.5] * len(tolerances_s)}
        return points | {kind: {"Goal": goal} for kind in ("per_class", "per_class_visible", "per_class_unshown")}

    seeds = [{"loose": score(goal, [5, 10]), "tight": score(0.1, [1, 5])} for goal in (0.2, 0.4, None)]
    found = scores_data(seeds)
    assert found["tolerances_s"] == [1, 5, 10]
    assert found["per_class"]["per_class"]["Goal"] == pytest.approx(0.3, rel=1e-12)


def test_runs_of_unknown_data_have_no_timeline_and_say_so(
    shared_tiny_root: Path, tmp_path: Path, train_rows: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOCCERNET_ROOT", raising=False)
    runs = train_rows(shared_tiny_root, tmp_path / "runs", 7)
    done = CliRunner().invoke(app, ["report", str(runs), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0
    read = Reader((tmp_path / "page.html").read_text("utf-8"))
    assert "the labels of their dataset were not found" in " ".join(read.texts)
    assert json.loads(read.scripts[0])["games"] == {}
