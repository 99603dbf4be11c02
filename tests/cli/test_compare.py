"""`compare`: a plain sentence for people, one object for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.report.tables.scores import comparison_table, verdict
from soccerbench.scoring.compare import compare_submissions
from soccerbench.scoring.evaluate import evaluate

GAMES = [f"league/2020-2021/game {number}" for number in range(12)]
INTERVAL = {"level": 0.95, "low": 0.004, "high": 0.02, "repetitions": 1000}
REPORT = {
    "task": "spotting", "names": ("mine.zip", "theirs.zip"), "difference": 0.012, "interval": INTERVAL,
    "interval_coverage": 0.95, "p_value": 0.004, "smallest_p": 0.0, "games": 100, "signature": "s", "per_class": {},
}  # fmt: skip
MORE = "mine.zip scores 1.2 points more (95% interval 0.4 to 2.0"
EXCLUDED = "the interval excludes zero, but 4 games are too few to show a difference."
POOR = "So few games give an interval that contains the truth in about 80% of cases, not 95 %."


def put(root: Path, game: str, file: str, document: Any) -> None:
    (root / game).mkdir(parents=True, exist_ok=True)
    (root / game / file).write_text(json.dumps(document))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Labels of twelve games, a submission that finds everything and one that finds nothing."""
    for game in GAMES:
        label = {"gameTime": "1 - 00:31", "label": "Goal", "position": "31500", "visibility": "visible"}
        put(tmp_path / "labels", game, "Labels-v2.json", {"annotations": [label]})
        found = {"label": "Goal", "position": "31500", "half": "1", "confidence": "0.25"}
        put(tmp_path / "good", game, "results_spotting.json", {"predictions": [found]})
        put(tmp_path / "bad", game, "results_spotting.json", {"predictions": []})
    return tmp_path


def run(root: Path, a: str, b: str, *options: str) -> str:
    files = ["compare", str(root / a), str(root / b), "--labels", str(root / "labels")]
    done = CliRunner().invoke(app, [*files, "--task", "spotting", "--split", "all", "--repetitions", "200", *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_real_difference_is_called_one(root: Path) -> None:
    assert "a real difference at 12 games" in " ".join(run(root, "good", "bad").split())


def test_the_other_way_round_the_other_is_better(root: Path) -> None:
    assert "good is better by 5.9 points" in " ".join(run(root, "bad", "good").split())  # one class of 17: 5.88 points


def test_a_submission_does_not_differ_from_itself(root: Path) -> None:
    assert "good and good score the same" in run(root, "good", "good")


def test_json_is_one_object(root: Path) -> None:
    report = json.loads(run(root, "good", "bad", "--json"))
    assert report["difference"] == report["a"] - report["b"] == pytest.approx(1 / 17)
    assert report["p_value"] < 0.05
    assert report["per_class"]["Goal"]["difference"] == 1
    assert report["per_class"]["Goal"]["p_value_holm"] >= report["per_class"]["Goal"]["p_value"]


def test_absurd_repetitions_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    options = {"task": "spotting", "labels": nowhere, "split": "all", "tolerances": (5,), "protocol": "soccernet"}
    with pytest.raises(ValueError, match="1,300 GB"):
        compare_submissions(**options, a=nowhere, b=nowhere, repetitions=10**9)
    with pytest.raises(ValueError, match="1,300 GB"):
        evaluate(**options, predictions=nowhere, bootstrap=10**9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "mine.zip is better by 1.2 points (95% interval 0.4 to 2.0, p = 0.004): a real difference at 100 games."),
        (
            {"difference": -0.012, "interval": INTERVAL | {"low": -0.02, "high": -0.004}},
            "theirs.zip is better by 1.2 points (95% interval 0.4 to 2.0, p = 0.004): a real difference at 100 games.",
        ),
        (
            {"p_value": 0.4, "interval": INTERVAL | {"low": -0.01}},
            f"No difference can be shown at 100 games: {MORE}, p = 0.4).".replace("0.4 to", "-1.0 to"),
        ),
        (
            {"difference": 0.0, "p_value": 1.0},
            "mine.zip and theirs.zip score the same (95% interval 0.4 to 2.0, p = 1).",
        ),
        (
            {"p_value": 0.125, "games": 4, "smallest_p": 0.125, "interval_coverage": 0.8},
            f"{MORE}, p = 0.12): {EXCLUDED} With 4 games no p below 0.12 is possible. {POOR}",
        ),
        (
            {"games": 4, "interval_coverage": 0.8, "seeds": [[0, 1, 2], [3, 4]]},
            f"{MORE}, p = 0.004): {EXCLUDED} {POOR}",
        ),
        ({"difference": None}, "Nothing to compare: there is no event to be found."),
    ],
)
def test_the_verdict(change: dict[str, Any], sentence: str) -> None:
    assert verdict(REPORT | change) == sentence


def test_a_class_without_events_is_a_dash() -> None:
    nothing = {"difference": None, "interval": INTERVAL, "p_value": None}
    assert comparison_table(REPORT | {"per_class": {"Goal": nothing}}).lines[1] == ("Goal", "-", "-", "-", "-")
