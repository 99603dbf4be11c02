"""`evaluate`: what it prints where, and that unusable input is one line and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Command, Done

GAME = "league/2020-2021/game"
LABEL = {"gameTime": "1 - 00:31", "label": "Goal", "position": "31500", "visibility": "visible"}
PREDICTION = {"label": "Goal", "position": "31500", "half": "1", "confidence": "0.25"}


def put(root: Path, file: str, document: Any) -> Path:
    (root / GAME).mkdir(parents=True, exist_ok=True)
    (root / GAME / file).write_text(document if isinstance(document, str) else json.dumps(document))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Labels and predictions of one game, in one folder."""
    put(tmp_path, "Labels-v2.json", {"annotations": [LABEL]})
    shots = [
        {"gameTime": "1 - 00:01", "replay": "other"},
        {"gameTime": "1 - 01:40", "replay": "replay", "link": {"half": "1", "label": "Goal", "time": "01:20"}},
    ]
    put(tmp_path, "Labels-cameras.json", {"annotations": shots})
    put(tmp_path, "results_spotting.json", {"predictions": [PREDICTION]})
    replay = {"half": 1, "start": 90, "end": 100, "detection": [{"time": 80, "score": 1}]}
    return put(tmp_path, "results_grounding.json", {"Replays": [replay]})


def evaluate(command: Command, root: Path, *options: object, task: str = "spotting") -> Done:
    return command("evaluate", task, "--labels", root, "--predictions", root, "--split", "all", *options)


def test_the_table_has_a_line_a_class(command: Command, root: Path) -> None:
    outcome = evaluate(command, root)
    assert outcome.code == 0
    assert not outcome.err
    lines = outcome.out.splitlines()
    assert any("Goal" in line and "100.00" in line for line in lines)
    assert any("Yellow->red card" in line for line in lines)
    assert lines[-1].startswith(
        "average-map|task:spotting|protocol:soccernet|split:all|games:1|classes:17|delta:5-60/5s|"
    )


def test_the_table_with_intervals(command: Command, root: Path) -> None:
    outcome = evaluate(command, root, "--bootstrap", 20, "--classes", "Goal, Foul")
    assert "95% interval" in outcome.out
    assert "100.00 to 100.00" in outcome.out


@pytest.mark.parametrize("task", ["spotting", "grounding"])
def test_json_is_one_object_and_nothing_else(command: Command, root: Path, task: str) -> None:
    put(root, "results_spotting.json", {"predictions": [PREDICTION, PREDICTION | {"label": "Gaol"}]})
    outcome = evaluate(command, root, "--json", task=task)
    report = json.loads(outcome.out)
    assert report["task"] == task
    if task == "spotting":
        assert report["per_class"]["Goal"] == 1
        assert outcome.err == "soccerbench: warning: events of the unknown class 'Gaol', skipped (1)\n"
    else:
        assert report["average_ap"] == 1


@pytest.mark.parametrize(
    ("text", "deltas_s"),
    [("loose", list(range(5, 61, 5))), ("tight", [1, 2, 3, 4, 5]), ("2", [2]), ("0.5,1,30", [0.5, 1, 30])],
)
def test_tolerances(command: Command, root: Path, text: str, deltas_s: list[float]) -> None:
    report = json.loads(evaluate(command, root, "--json", "--tolerances", text).out)
    assert report["tolerances_s"] == deltas_s
    assert len(report["map_per_tolerance"]) == len(deltas_s)


def test_signature_alone(command: Command, root: Path) -> None:
    outcome = evaluate(command, root, "--signature", "--protocol", "strict", task="grounding")
    assert outcome.out.startswith("average-ap|task:grounding|protocol:strict|")
    assert outcome.out.count("\n") == 1


def test_grounding_has_a_table_too(command: Command, root: Path) -> None:
    assert "replays missing" in evaluate(command, root, task="grounding").out


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--tolerances", "wide", "'wide': give loose, tight, or seconds"),
        ("--tolerances", "5,1", "[5, 1]: they must increase"),
        ("--tolerances", "nan", "'nan'"),
        ("--tolerances", "", "''"),
        ("--classes", "Gaol", "unknown class 'Gaol' (did you mean 'Goal'?)"),
        ("--protocol", "own", "'own'"),
        ("--bootstrap", "-1", "--bootstrap"),
        ("--split", "tset", "unknown split 'tset' (did you mean 'test'?)"),
        ("--predictions", "nowhere", "nowhere: no such folder or zip"),
        ("--labels", "nowhere.zip", "nowhere.zip: no such folder or zip"),
    ],
)
def test_wrong_usage_is_code_2(command: Command, root: Path, option: str, value: str, said: str) -> None:
    outcome = evaluate(command, root, option, value)
    assert outcome.code == 2
    assert outcome.out == ""
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_what_was_given_instead_is_recognised(command: Command, tmp_path: Path) -> None:
    labels, predictions = tmp_path / "labels", tmp_path / "predictions"
    put(labels, "Labels-v2.json", {"annotations": [LABEL]})
    (labels / "splits.json").write_text(json.dumps({"test": [GAME]}))
    put(predictions / "top/folder", "results_spotting.json", {"predictions": [PREDICTION]})
    (tmp_path / "run").mkdir()
    (tmp_path / "run/predictions-test.zip").write_bytes(b"")
    for given, found, split, said in (
        (labels, labels, "test", "labels: holds Labels-v2.json where results_spotting.json is looked for; labels and"),
        (predictions / "top/folder", labels, "all", "folder: holds results_spotting.json where Labels-v2.json is"),
        (labels, tmp_path / "run", "test", "run: the folder of a run; give its predictions-test.zip\n"),
        (predictions / "top/folder", labels, "test", "folder: holds results_spotting.json where Labels-v2.json is"),
    ):
        outcome = command("evaluate", "spotting", "--labels", given, "--predictions", found, "--split", split)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert said in outcome.err


def test_limits_are_an_option(command: Command, root: Path) -> None:
    put(root, "results_spotting.json", {"predictions": [PREDICTION], "more": "x" * 2**20})
    outcome = evaluate(command, root, "--max-mib", "1")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "at most 1048576 are read; check what was packed, or raise --max-mib (now 1)" in outcome.err
    assert evaluate(command, root, "--max-mib", "2").code == 0


def test_classes_are_not_for_grounding(command: Command, root: Path) -> None:
    outcome = evaluate(command, root, "--classes", "Goal", task="grounding")
    assert outcome.code == 2
    assert "--classes" in outcome.err


BAD: list[tuple[str, Any, bool]] = [
    ("position", -500, True),
    ("position", None, False),
    ("position", 10**12, True),
    ("position", "soon", False),
    ("confidence", float("nan"), True),
    ("confidence", 1.5, True),
    ("label", "Gaol", True),
    ("half", 3, True),
]


@pytest.mark.parametrize(("key", "value", "scored"), BAD)
def test_bad_values_are_counted_or_one_line(command: Command, root: Path, key: str, value: Any, scored: bool) -> None:
    put(root, "results_spotting.json", {"predictions": [PREDICTION, PREDICTION | {key: value}]})
    for protocol, code in (("soccernet", 0 if scored else 2), ("strict", 2)):
        outcome = evaluate(command, root, "--protocol", protocol, "--json")
        assert outcome.code == code, outcome.err
        lines = outcome.err.splitlines()
        if code:
            assert outcome.out == ""
            (line,) = lines
            assert "results_spotting.json: " in line
            assert "entry 2" in line or "line 1" in line
        else:
            assert lines[0].startswith("soccerbench: warning: ")
            assert lines[0].endswith(" (1)")


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[" * 100_000, "\x00\x01", '{"predictions": 5}', '{"predictions": [1]}']
)
def test_broken_files_are_one_line(command: Command, root: Path, text: str) -> None:
    put(root, "results_spotting.json", text)
    outcome = evaluate(command, root)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "results_spotting.json" in outcome.err


def test_a_full_process_imports_nothing_slow(root: Path) -> None:
    code = (
        "import sys; from soccerbench.cli import main; sys.argv = sys.argv[:1] + sys.argv[2:]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'matplotlib', 'pandas', 'pydantic', 'scipy', 'SoccerNet'} & set(sys.modules)"
    )
    files = ("--labels", str(root), "--predictions", str(root), "--split", "all", "--json")
    done = subprocess.run(
        [sys.executable, "-c", code, "soccerbench", "evaluate", "spotting", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["per_class"]["Goal"] == 1
