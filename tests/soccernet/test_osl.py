"""OSL-JSON: read as labels and as predictions, and converted both ways without loss."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from shared_data import SHARED
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.scoring.evaluate import Evaluation, evaluate
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.osl.convert import convert

GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"
UNDERSCORED = GAME.replace(" ", "_")
LABELS: list[dict[str, Any]] = [
    {"gameTime": "1 - 01:00", "label": "Goal", "position": "60000", "team": "home", "visibility": "visible"},
    {"gameTime": "2 - 01:30", "label": "Corner", "position": "90000", "visibility": "not shown", "x": {"y": [1, None]}},
    {"gameTime": "1 - 02:00", "label": "Foul", "position": "120000"},  # of half 1, after one of half 2
    {"gameTime": "1 - 03:00", "label": "Own event"},  # as SoccerNet-v1
    {"gameTime": "1 - 03:01", "label": "Foul", "position": 181500.0, "osl": 5, "soccernet": [], "head": "mine"},
]
PREDICTIONS: list[dict[str, Any]] = [
    {"gameTime": "1 - 1:1", "label": "Goal", "position": "61000", "half": "1", "confidence": "0.9"},
    {"gameTime": "2 - 0:20", "label": "Goal", "position": "020000", "half": 2, "confidence": 0.30000000000000004},
    {"label": "Foul", "position": "121000", "half": "1", "confidence": "0.90", "model": "mine"},
    {"label": "Foul", "position": "121000", "half": "1", "confidence": "nan", "confidence_score": 3},
]
V2: dict[str, Any] = {
    "version": "2.0",
    "task": "action_spotting",
    "labels": {"action": {"labels": ["Goal", "Foul"]}},
    "licence": {"a": 1},
    "data": [
        {
            "id": "b",
            "inputs": [{"path": f"{UNDERSCORED}/2_224p.mkv", "type": "video", "fps": 25}],
            "metadata": {"k": [1]},
            "events": [{"head": "action", "label": "Goal", "position_ms": 60000, "confidence_score": 0.25, "own": [1]}],
        },
        {"id": "other", "inputs": [{"path": "league/2020/other/1.mkv"}], "events": []},
        {
            "id": "a",
            "inputs": [{"path": f"C:\\data\\{UNDERSCORED}\\1_HQ.mkv".replace("/", "\\"), "fps": 50}],
            "events": [
                {"head": "ball", "label": "PASS", "position_ms": 1},
                {"head": "action", "label": "Foul", "frame": 100},
                {"head": "action", "label": "Goal", "position_ms": 2, "gameTime": "1 - 00:00", "confidence": 1},
            ],
        },
    ],
}


def put(root: Path, name: str, document: Any) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def documents(path: Path) -> dict[str, Any]:
    tree = Tree(path)
    return {name: tree.json(name) for name in tree.names()}


def score(labels: Path, predictions: Path) -> Evaluation:
    return evaluate(task="spotting", labels=labels, predictions=predictions, split="all", tolerances=(5, 10),
                    protocol="soccernet")  # fmt: skip


@pytest.mark.parametrize(
    ("file", "document"),
    [
        ("Labels-v2.json", {"UrlLocal": f"{GAME}/", "annotations": LABELS, "more": {"of": "it"}}),
        ("Labels.json", {"UrlLocal": GAME, "annotations": LABELS[3:4]}),
        ("results_spotting.json", {"UrlLocal": GAME, "predictions": PREDICTIONS}),
        ("results_spotting.json", {"predictions": []}),
    ],
)
@pytest.mark.parametrize("out", ["folder", "games.zip"])
def test_soccernet_to_osl_and_back_is_exact(tmp_path: Path, file: str, document: Any, out: str) -> None:
    for game in (GAME, "league/2020-2021/two"):
        put(tmp_path / "given", f"{game}/{file}", document | {"UrlLocal": game})
    assert convert(tmp_path / "given", tmp_path / "osl.json", to="osl") == 2
    assert convert(tmp_path / "osl.json", tmp_path / out, to="soccernet") == 2
    found = documents(tmp_path / out)
    found.pop("classes.json", None)
    assert found == documents(tmp_path / "given")
    assert convert(tmp_path / out, tmp_path / "again.json", to="osl") == 2
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads((tmp_path / "osl.json").read_text())


def test_osl_to_soccernet_and_back_is_exact(tmp_path: Path) -> None:
    source = put(tmp_path, "given.json", V2)
    assert convert(source, tmp_path / "games", to="soccernet") == 2
    found = documents(tmp_path / "games")
    entries = found[f"{GAME}/results_spotting.json"]["predictions"]
    assert [(entry["half"], entry["position"], entry["confidence"]) for entry in entries[:1]] == [
        ("2", "60000", "0.25")
    ]
    assert [entry["position"] for entry in entries[1:]] == ["2000", "2"]  # frame 100 at 50 a second
    convert(tmp_path / "games", tmp_path / "back.json", to="osl")
    assert json.loads((tmp_path / "back.json").read_text()) == V2
    name = f"{GAME}/results_spotting.json"
    found[name]["predictions"].pop()  # an edited file is converted as it is
    put(tmp_path / "games", name, found[name])
    convert(tmp_path / "games", tmp_path / "edited.json", to="osl")
    edited = json.loads((tmp_path / "edited.json").read_text())
    assert sum(len(item["events"]) for item in edited["data"]) == 2
    assert edited["licence"] == {"a": 1}


def test_labels_and_predictions_of_both_versions_are_scored(tmp_path: Path) -> None:
    def item(half: int, *events: dict[str, Any]) -> dict[str, Any]:
        return {"inputs": [{"path": f"{UNDERSCORED}/{half}_224p.mkv"}], "events": list(events)}

    labels = [item(1, {"label": "Goal", "position_ms": 60000}), item(2, {"label": "Corner", "position_ms": 90000})]
    found = [item(1, {"label": "Goal", "position_ms": 60400, "confidence": 0.9}),
             item(2, {"label": "Corner", "position_ms": 90000, "confidence_score": 0.5})]  # fmt: skip
    v2 = score(put(tmp_path, "labels.json", {"data": labels}), put(tmp_path, "found.json", {"data": found}))
    assert v2.average_map == pytest.approx(2 / 17, rel=0, abs=1e-12)
    assert (list(v2.games), v2.warnings) == ([GAME], {})
    v1 = {"videos": [{"path": f"{GAME}/1_HQ.mkv", "annotations": [
        {"gameTime": "1 - 01:00", "label": "Goal", "position": "60000", "visibility": "visible"},
        {"gameTime": "2 - 01:30", "label": "Corner", "position": "90000", "visibility": "visible"}]}]}  # fmt: skip
    v1["videos"][0]["path"] = f"{GAME}/match.mkv"  # of both halves: gameTime says which
    assert score(put(tmp_path, "v1.json", v1), tmp_path / "found.json").average_map == v2.average_map
    put(tmp_path / "in a folder", "annotations.json", v1)
    assert score(tmp_path / "in a folder", tmp_path / "found.json").average_map == v2.average_map
    own = {
        "data": [item(1, {"label": "Save", "position_ms": 60000})],
        "labels": {"action": {"labels": ["Save", "Out"]}},
    }
    ours = {"data": [item(1, {"label": "Save", "position_ms": 60000, "confidence": 1})]}
    assert score(put(tmp_path, "own.json", own), put(tmp_path, "ours.json", ours)).classes == ("Save", "Out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": None}, "item 1, events, entry 1: no label; name one class"),
        ({"position_ms": "soon"}, "item 1, events, entry 1: no position; give milliseconds"),
        ({"frame": "x", "position_ms": None}, "item 1, events, entry 1: no position"),
        ({"position_ms": 10**30}, "item 1, events, entry 1: no position"),
        ("x", "item 1: no object with a list of events"),
    ],
)
def test_what_cannot_be_converted_is_one_line(tmp_path: Path, change: Any, said: str) -> None:
    event = {"label": "Goal", "position_ms": 1} | change if isinstance(change, dict) else change
    source = put(tmp_path, "x.json", {"data": [{"inputs": [{"path": "a/b/c/1.mkv"}], "events": [event]}]})
    with pytest.raises(InputError, match=r"x\.json: " + said):
        convert(source, tmp_path / "out", to="soccernet")


def test_what_is_no_source(tmp_path: Path) -> None:
    put(tmp_path / "both", f"{GAME}/Labels-v2.json", {"annotations": []})
    put(tmp_path / "both", f"{GAME}/results_spotting.json", {"predictions": []})
    (tmp_path / "none").mkdir()
    for name, said in (("both", "holds labels and predictions"), ("none", "holds no labels or predictions of action")):
        with pytest.raises(InputError, match=f"{name}: {said}"):
            convert(tmp_path / name, tmp_path / "out.json", to="osl")
    put(tmp_path, "video.json", {"data": [{"inputs": [{"path": "a/b/c/match.mkv"}], "events": [
        {"label": "Goal", "position_ms": 1}]}]})  # fmt: skip
    with pytest.raises(InputError, match=r"no half; name the video 1_"):
        convert(tmp_path / "video.json", tmp_path / "out", to="soccernet")
    put(tmp_path, "evil.json", {"data": [{"inputs": [{"path": "../../../1.mkv"}], "events": []}]})
    with pytest.raises(InputError, match="leaves the folder"):
        convert(tmp_path / "evil.json", tmp_path / "out", to="soccernet")


def test_the_verb(tmp_path: Path) -> None:
    put(tmp_path / "given", f"{GAME}/Labels-v2.json", {"annotations": LABELS[:3]})
    done = CliRunner().invoke(app, ["convert", str(tmp_path / "given"), str(tmp_path / "x.json"), "--to", "osl"])
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    assert done.stderr.endswith("x.json: 1 game written\n")
    assert len(json.loads((tmp_path / "x.json").read_text())["data"]) == 2


def test_the_case_from_the_field(tmp_path: Path) -> None:
    field = SHARED / "field"
    if not field.exists():
        pytest.skip(f"reference data is not there: {field}")
    found = score(field / "osl/annotations.json", field / "base/predictions")
    assert found.report()["per_class"]["Goal"] == 1
    convert(field / "osl", tmp_path / "games", to="soccernet")
    assert score(tmp_path / "games", field / "base/predictions").average_map == found.average_map
    convert(tmp_path / "games", tmp_path / "back.json", to="osl")
    assert json.loads((tmp_path / "back.json").read_text()) == json.loads((field / "osl/annotations.json").read_text())


def test_a_real_submission_and_its_labels(tmp_path: Path) -> None:
    names = {"Labels-v2.json": "soccernet_v2_labels.zip",
             "results_spotting.json": "submissions/netvladpp_e2_fusion_test.zip"}  # fmt: skip
    for file, archive in names.items():
        if not (SHARED / archive).exists():
            pytest.skip(f"reference data is not there: {archive}")
        tree, some = Tree(SHARED / archive), tmp_path / f"{file}.zip"
        games = [name for name in tree.names() if "2016-2017" in name and "Barcelona" in name][:3]
        with zipfile.ZipFile(some, "w") as made:
            for name in games:
                made.writestr(name, tree.read(name))
        convert(some, tmp_path / f"osl-{file}", to="osl")
        convert(tmp_path / f"osl-{file}", tmp_path / file, to="soccernet")
        assert documents(tmp_path / file) == documents(some)


@pytest.mark.parametrize(
    "name", ["Labels-cameras.json", "Labels-replays.json", "results_grounding.json", "Detection-replays.json"]
)
def test_replays_have_no_form_in_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / "in" / GAME / name
    file.parent.mkdir(parents=True)
    key = "annotations" if name.startswith("Labels") else "Replays"
    file.write_text(json.dumps({"UrlLocal": GAME, key: []}))
    with pytest.raises(InputError, match="holds replays, and OSL-JSON has no form for replay grounding"):
        convert(tmp_path / "in", tmp_path / "out.json", to="osl")
