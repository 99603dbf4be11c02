"""Labels of other versions and roots with other classes: scored as the official package does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.report.html.pages import page_of_submission
from soccerbench.scoring.evaluate import Evaluation, evaluate
from soccerbench.soccernet.classes import BALL, LATER_BALL, SOCCERNET_V1, ClassList
from soccerbench.soccernet.submission import validate_submission

GAME = "league/2020-2021/one"
V1_LABELS = ("soccer-ball", "y-card", "substitution-out", "r-card", "yr-card", "substitution-in", "corner")


def put(root: Path, name: str, document: Any) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return root


def score(labels: Path, predictions: Path, **options: Any) -> Evaluation:
    settings = {"split": "all", "tolerances": (5, 10, 15), "protocol": "soccernet"} | options
    return evaluate(task="spotting", labels=labels, predictions=predictions, **settings)


def made(root: Path, file: str, names: tuple[str, ...], classes: ClassList, *, positions: bool) -> tuple[Path, Path]:
    """Thirty labels and ninety predictions of one game, at random."""
    rng = np.random.default_rng(3)
    annotations, predictions = [], []
    for label in rng.choice(len(names), 30):
        half, second = int(rng.integers(1, 3)), int(rng.integers(0, 300))
        entry = {"gameTime": f"{half} - {second // 60:02d}:{second % 60:02d}", "label": names[label]}
        if positions:
            entry |= {"position": str(1000 * second + 340), "visibility": rng.choice(["visible", "not shown"])}
        annotations.append(entry)
        for _ in range(3):
            position = str(max(0, 1000 * second + int(rng.integers(-9000, 9000))))
            name, confidence = classes.names[int(rng.integers(len(classes.names)))], str(round(rng.random(), 3))
            predictions.append({"label": name, "position": position, "half": str(half), "confidence": confidence})
    put(root / "labels", f"{GAME}/{file}", {"annotations": annotations})
    put(root / "predictions", f"{GAME}/results_spotting.json", {"predictions": predictions})
    return root / "labels", root / "predictions"


@pytest.mark.parametrize(
    ("file", "names", "classes"),
    [
        ("Labels.json", V1_LABELS, SOCCERNET_V1),
        ("Labels-ball.json", BALL.names, BALL),
        pytest.param("Labels-ball.json", LATER_BALL.names, LATER_BALL, marks=pytest.mark.parity),
        pytest.param("Labels-v2.json", ("Header", "Save"), ClassList(("Header", "Save")), marks=pytest.mark.parity),
    ],
)
def test_the_number_is_the_official_one(
    tmp_path: Path, file: str, names: tuple[str, ...], classes: ClassList, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.errstate():  # it silences numpy's warnings for everybody
        from SoccerNet.Evaluation.ActionSpotting import evaluate as official

    labels, predictions = made(tmp_path, file, names, classes, positions=classes.version == 2)
    zips = (shutil.make_archive(str(root), "zip", root) for root in (labels, predictions))
    own = {"version": classes.version, "EVENT_DICTIONARY": dict(classes.index)}
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = official(*zips, metric="at5", label_files=file, dataset=None, **own)
    capsys.readouterr()
    if file == "Labels-v2.json":
        put(labels, "classes.json", list(names))
    found = score(labels, predictions, tolerances=(5,))
    report = found.report()
    assert found.classes == classes.names
    assert found.average_map == pytest.approx(expected["a_mAP"], rel=0, abs=1e-12)
    assert list(report["per_class"].values()) == pytest.approx(list(expected["a_mAP_per_class"]), rel=0, abs=1e-12)
    assert report["average_map_visible"] == (
        None if classes.version == 1 else pytest.approx(expected["a_mAP_visible"], rel=0, abs=1e-12)
    )
    assert page_of_submission(task="spotting", labels=labels, predictions=predictions, split="all").tables


def test_what_is_none_of_the_classes_is_named(tmp_path: Path) -> None:
    labels, predictions = made(tmp_path, "Labels.json", V1_LABELS, SOCCERNET_V1, positions=False)
    corners = score(labels, predictions).warnings
    assert list(corners) == ["events of the unknown class 'corner', skipped"]
    with pytest.raises(ValueError, match="unknown class 'Goal'; the classes are card, subs, soccer"):
        score(labels, predictions, classes=["Goal"])
    put(predictions, f"{GAME}/results_spotting.json", {"predictions": [{"label": "y-card", "position": "1",
                                                                        "half": "1", "confidence": "1"}]})  # fmt: skip
    with pytest.raises(
        InputError, match=r"unknown event 'y-card' \(did you mean 'card'\?\); name card or subs or soccer"
    ):
        score(labels, predictions)


def test_the_labels_of_v2_are_read_where_v1_is_there_too(tmp_path: Path) -> None:
    event = {"label": "Goal", "gameTime": "1 - 00:01", "position": "1000", "half": "1", "confidence": "1"}
    put(tmp_path / "labels", f"{GAME}/Labels.json", {"annotations": [event | {"label": "soccer-ball"}]})
    put(tmp_path / "labels", f"{GAME}/Labels-v2.json", {"annotations": [event | {"visibility": "visible"}]})
    put(tmp_path / "predictions", f"{GAME}/results_spotting.json", {"predictions": [event]})
    assert score(tmp_path / "labels", tmp_path / "predictions").report()["per_class"]["Goal"] == 1
    put(tmp_path / "labels", "league/2020-2021/two/Labels.json", {"annotations": []})
    put(tmp_path / "predictions", "league/2020-2021/two/results_spotting.json", {"predictions": []})
    with pytest.raises(InputError, match=r"two: Labels\.json, but Labels-v2\.json of league/2020-2021/one"):
        score(tmp_path / "labels", tmp_path / "predictions")


@pytest.mark.parametrize("names", [[], {}, ["a", ""], ["a", 1], ["a", "a"]])
def test_a_list_of_classes_that_is_none(tmp_path: Path, names: Any) -> None:
    labels, predictions = made(tmp_path, "Labels-v2.json", ("a",), ClassList(("a",)), positions=True)
    put(labels, "classes.json", names)
    with pytest.raises(InputError, match=r"classes\.json: (no list of names|names a class twice)"):
        score(labels, predictions)


def test_a_submission_is_checked_for_the_classes_of_its_labels(tmp_path: Path) -> None:
    labels, predictions = made(tmp_path, "Labels-ball.json", BALL.names, BALL, positions=True)
    put(labels, "splits.json", {"test": [GAME]})
    lines = validate_submission(predictions, task="spotting", split="test", labels=labels)
    assert [line for line in lines if "unknown event" in line] == []
    entry = {"label": "Goal", "position": "1000", "half": "1", "confidence": "1"}
    put(predictions, f"{GAME}/results_spotting.json", {"predictions": [entry]})
    (line,) = validate_submission(predictions, task="spotting", split="test", labels=labels)
    assert line.endswith("unknown event 'Goal'; name PASS or DRIVE exactly")


@pytest.mark.parametrize(("case", "value"), [("v1_three_classes", 0.9848484848484848), ("ball", 1.0)])
def test_the_cases_from_the_field(case: str, value: float) -> None:
    field = SHARED / "field" / case
    if not field.exists():
        pytest.skip(f"reference data is not there: {field}")
    found = score(field / "labels", field / "predictions", tolerances=range(5, 61, 5))
    assert (found.average_map, found.warnings) == (pytest.approx(value, rel=0, abs=1e-12), {})
