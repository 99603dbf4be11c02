"""Scoring from files: the official numbers, which games are scored, and what is passed over."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from shared_data import SHARED

from soccerbench import __version__
from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.metrics.spotting import spotting_score
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S
from soccerbench.scoring.compare import compare_submissions
from soccerbench.scoring.evaluate import evaluate, evaluate_games
from soccerbench.scoring.schema import Scores
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions

DATA = SHARED
GAMES = ("league/2020-2021/one", "league/2020-2021/two")
EVENTS = [("1 - 00:10", "Goal"), ("1 - 01:00", "Foul"), ("2 - 00:30", "Goal"), ("2 - 05:00", "Corner")]


def put(root: Path, game: str, file: str, document: Any) -> None:
    (root / game).mkdir(parents=True, exist_ok=True)
    (root / game / file).write_text(json.dumps(document))


def position(time: str) -> int:
    return 1000 * (60 * int(time[4:6]) + int(time[7:9]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Labels of two games, of which one is the test split."""
    root = tmp_path / "labels"
    annotations = [
        {"gameTime": time, "label": label, "position": str(position(time)), "visibility": "visible"}
        for time, label in EVENTS
    ]
    for game in GAMES:
        put(root, game, "Labels-v2.json", {"annotations": annotations})
    (root / "splits.json").write_text(json.dumps({"test": GAMES[:1], "train": GAMES[1:], "valid": []}))
    return root


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """All events of both games but one, found exactly."""
    folder = tmp_path / "predictions"
    for game, events in zip(GAMES, (EVENTS, EVENTS[1:]), strict=True):
        entries = [
            {"label": label, "position": position(time), "half": time[0], "confidence": 0.5} for time, label in events
        ]
        put(folder, game, "results_spotting.json", {"predictions": entries})
    return folder


def score(root: Path, predictions: Path, **options: Any) -> Any:
    settings = {"split": "all", "tolerances": (1, 2), "protocol": "soccernet"} | options
    return evaluate(task="spotting", labels=root, predictions=predictions, **settings)


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_the_report_has_every_key_and_no_nan(root: Path, predictions: Path, protocol: str) -> None:
    report = score(root, predictions, protocol=protocol).report()
    assert list(report) == [
        "task", "protocol", "signature", "tolerances_s", "average_map", "average_map_visible", "average_map_unshown",
        "per_class", "per_class_visible", "per_class_unshown", "map_per_tolerance", "warnings",
    ]  # fmt: skip
    assert (report["task"], report["protocol"], report["tolerances_s"]) == ("spotting", protocol, [1, 2])
    assert list(report["per_class"]) == list(CLASSES)
    assert report["per_class"]["Foul"] == 1
    assert report["per_class"]["Penalty"] == (None if protocol == "strict" else 0)
    assert len(report["map_per_tolerance"]) == 2
    json.dumps(report, allow_nan=False)


def test_perfect_is_one_and_nothing_is_zero(root: Path, predictions: Path) -> None:
    (predictions / GAMES[1] / "results_spotting.json").unlink()
    assert score(root, predictions, protocol="strict", split="test").report()["average_map"] == 1
    put(predictions, GAMES[0], "results_spotting.json", {"predictions": []})
    assert score(root, predictions, protocol="strict", split="test").report()["average_map"] == 0


def test_splits_choose_the_games(root: Path, predictions: Path) -> None:
    assert list(score(root, predictions).games) == list(GAMES)
    evaluation = score(root, predictions, split="train")
    assert list(evaluation.games) == [GAMES[1]]
    assert dict(evaluation.warnings) == {"games predicted that are not of the split, ignored": 1}
    assert "|split:train|games:1|" in evaluation.signature
    assert evaluation.signature.endswith(f"|v:{__version__}")
    with pytest.raises(InputError, match="one of 1 games predicted that are not of the split"):
        score(root, predictions, split="train", protocol="strict")
    with pytest.raises(InputError, match="no games of split 'valid'"):
        score(root, predictions, split="valid")
    with pytest.raises(ValueError, match="unknown split 'tset'"):
        score(root, predictions, split="tset")


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_the_first_missing_file_is_named_with_their_number(root: Path, predictions: Path, protocol: str) -> None:
    (predictions / GAMES[1] / "results_spotting.json").unlink()
    with pytest.raises(InputError, match=r"two/results_spotting\.json: missing, as for 1 of 2 games"):
        score(root, predictions, protocol=protocol)
    (root / GAMES[0] / "Labels-v2.json").unlink()
    with pytest.raises(InputError, match=r"one/Labels-v2\.json: missing, as for 1 of 1 games"):
        score(root, predictions, protocol=protocol, split="test")


def test_classes_can_be_chosen(root: Path, predictions: Path) -> None:
    evaluation = score(root, predictions, classes=["Foul", "Corner"])
    report = evaluation.report()
    assert list(report["per_class"]) == ["Foul", "Corner"]
    assert report["average_map"] == 1
    assert "|classes:Foul+Corner|" in evaluation.signature
    whole = score(root, predictions).report()["per_class"]
    assert report["per_class"] == {name: whole[name] for name in ("Foul", "Corner")}
    for wrong in (["Gaol"], [], ["Goal", "Goal"]):
        with pytest.raises(ValueError, match="the classes are Penalty"):
            score(root, predictions, classes=wrong)


def test_a_folder_and_a_zip_score_alike(root: Path, predictions: Path, tmp_path: Path) -> None:
    packed = tmp_path / "predictions.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for game in GAMES:
            archive.write(predictions / game / "results_spotting.json", f"{game}/results_spotting.json")
    assert score(root, packed).report() == score(root, predictions).report()


def test_warnings_are_summed_over_files(root: Path, predictions: Path) -> None:
    for game in GAMES:
        entry = {"label": "Gaol", "position": 5, "half": 1, "confidence": 0.1}
        put(predictions, game, "results_spotting.json", {"predictions": [entry, entry]})
    assert score(root, predictions).warnings["events of the unknown class 'Gaol', skipped"] == 4
    with pytest.raises(InputError, match="unknown event 'Gaol'"):
        score(root, predictions, protocol="strict")


def test_predictions_of_other_classes_are_named_also_where_none_is_left(root: Path, predictions: Path) -> None:
    for game in GAMES:
        entries = [{"label": name, "position": 0, "half": 1, "confidence": 1} for name in ("card", "card", "subs")]
        put(predictions, game, "results_spotting.json", {"predictions": entries})
    evaluation = score(root, predictions)
    everything = "predictions, which is all of them, skipped: the classes scored are Penalty, Kick-off, Goal, …"
    of = "events of the unknown class"
    assert evaluation.report()["warnings"] == {f"{of} 'card', skipped": 4, f"{of} 'subs', skipped": 2, everything: 6}
    assert evaluation.report()["average_map"] == 0


def test_of_many_unknown_classes_the_most_frequent_are_named(root: Path, predictions: Path) -> None:
    for place, game in enumerate(GAMES):
        entries = [
            {"label": f"{place} {row}", "position": 0, "half": 1, "confidence": 1}
            for row in range(50)
            for _ in range(2)
        ]
        put(predictions, game, "results_spotting.json", {"predictions": entries})
    warnings = score(root, predictions).warnings
    assert len(warnings) == 22
    assert warnings["events of other unknown classes, skipped"] == 160


def test_another_spelling_of_visibility_is_counted_or_refused(root: Path, predictions: Path) -> None:
    document = json.loads((root / GAMES[0] / "Labels-v2.json").read_text())
    document["annotations"][1]["visibility"] = "Not shown"
    put(root, GAMES[0], "Labels-v2.json", document)
    assert dict(score(root, predictions).warnings) == {"visibilities spelt otherwise, taken as visible": 1}
    with pytest.raises(InputError, match=r"entry 2: visibility 'Not shown' is neither 'visible' nor 'not shown'"):
        score(root, predictions, protocol="strict")


@pytest.mark.parametrize("half", ["1", 1, 1.0])
def test_a_half_that_is_a_float_is_a_half(root: Path, predictions: Path, half: Any) -> None:
    put(predictions, GAMES[0], "results_spotting.json", {
        "predictions": [{"label": "Goal", "position": 10000.0, "half": half, "confidence": 1}]
    })  # fmt: skip
    for protocol in ("soccernet", "strict"):
        evaluation = score(root, predictions, protocol=protocol)
        assert evaluation.warnings == {}


def test_files_and_memory_score_alike_and_games_re_sum(root: Path, predictions: Path) -> None:
    evaluation = score(root, predictions)
    labels = [read_spotting_labels(Tree(root), game, strict=True) for game in GAMES]
    found = [read_spotting_predictions(Tree(predictions), game, strict=True) for game in GAMES]
    before = [game.confidence.copy() for game in found]
    again = evaluate_games(
        "spotting", labels=labels, predictions=found, split="all", deltas_s=(1, 2), protocol="soccernet"
    )
    assert again.report() == evaluation.report()
    assert all(np.array_equal(game.confidence, old) for game, old in zip(found, before, strict=True))
    restored = [SpottingStatistics.from_json(json.loads(json.dumps(game))) for game in evaluation.games.values()]
    assert spotting_score(restored).average_map == evaluation.score.average_map
    with pytest.raises(ValueError, match="both need the same games"):
        evaluate_games(
            "spotting", labels=labels, predictions=found[::-1], split="all", deltas_s=(1, 2), protocol="soccernet"
        )


def test_every_score_has_its_interval(root: Path, predictions: Path) -> None:
    report = score(root, predictions, bootstrap=50, seed=3).report()
    for field in ("interval", "interval_visible", "interval_unshown"):
        assert set(report[field]) == {"level", "low", "high", "repetitions"}
    assert (report["interval"]["level"], report["interval"]["repetitions"]) == (0.95, 50)
    assert report["interval"]["low"] <= report["average_map"] <= report["interval"]["high"]
    for field in ("per_class", "per_class_visible", "per_class_unshown"):
        assert set(report[f"interval_{field}"]) == set(CLASSES)
    assert report["interval_per_class"]["Foul"]["low"] == report["interval_per_class"]["Foul"]["high"] == 1
    assert report == score(root, predictions, bootstrap=50, seed=3).report()
    json.dumps(report, allow_nan=False)


def test_the_seed_of_intervals_is_zero_unless_given(root: Path, predictions: Path) -> None:
    plain = score(root, predictions)
    found = [
        score(root, predictions, bootstrap=3), score(root, predictions, bootstrap=3, seed=0),
        plain.bootstrap(3), plain.bootstrap(3, seed=0),
        evaluate_games(
            "spotting", split="all", deltas_s=(1, 2), protocol="soccernet", repetitions=3,
            labels=[read_spotting_labels(Tree(root), game, strict=True) for game in GAMES],
            predictions=[read_spotting_predictions(Tree(predictions), game, strict=True) for game in GAMES],
        ),
    ]  # fmt: skip
    ends = [(one.intervals["average_map"].low, one.intervals["average_map"].high) for one in found]
    assert len(set(ends)) == 1
    other = plain.bootstrap(3, seed=1).intervals["average_map"]
    assert (other.low, other.high) != ends[0]


def test_an_unknown_class_is_named_before_the_events_are_read(root: Path, predictions: Path) -> None:
    put(root, GAMES[0], "Labels-v2.json", {"annotations": [{"label": 3}]})
    with pytest.raises(ValueError, match="Gaol"):
        score(root, predictions, classes=["Gaol"], protocol="strict")


def test_a_comparison_reads_the_labels_once(root: Path, predictions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[list[str]] = []

    def read_labels(tree: Tree, games: list[str], **options: Any) -> list[Any]:
        reads.append(list(games))
        return TASKS["spotting"].read_labels(tree, games, **options)

    monkeypatch.setattr(
        "soccerbench.scoring.evaluate.TASKS", {"spotting": replace(TASKS["spotting"], read_labels=read_labels)}
    )
    compare_submissions(
        task="spotting", labels=root, a=predictions, b=predictions, split="all", tolerances="loose",
        protocol="soccernet", repetitions=10,
    )  # fmt: skip
    assert reads == [list(GAMES)]


def test_comparing_a_submission_with_itself_and_a_worse_one(root: Path, predictions: Path, tmp_path: Path) -> None:
    worse = tmp_path / "worse"
    for game in GAMES:
        put(worse, game, "results_spotting.json", {"predictions": []})
    settings: dict[str, Any] = {"split": "all", "tolerances": (1, 2), "protocol": "soccernet", "repetitions": 20}
    same = compare_submissions(task="spotting", labels=root, a=predictions, b=predictions, **settings).to_json()
    assert (same["difference"], same["p_value"], same["games"]) == (0, 1, 2)
    report = compare_submissions(task="spotting", labels=root, a=predictions, b=worse, **settings).to_json()
    assert list(report) == [
        "task", "protocol", "signature", "names", "a", "b", "difference", "interval", "interval_coverage", "p_value",
        "smallest_p", "method", "games", "per_class", "warnings",
    ]  # fmt: skip
    assert report["difference"] == report["a"] - report["b"] > 0
    assert set(report["per_class"]["Goal"]) == {"difference", "interval", "p_value", "p_value_holm"}
    json.dumps(report, allow_nan=False)


GROUNDING = {
    "annotations": [
        {"gameTime": "1 - 00:05", "position": "5000", "replay": "real-time"},
        {"gameTime": "1 - 01:40", "position": "100000", "replay": "replay",
         "link": {"half": "1", "label": "Goal", "time": "01:20"}},
        {"gameTime": "1 - 02:00", "position": "120000", "replay": "other"},
        {"gameTime": "1 - 03:20", "position": "200000", "replay": "replay",
         "link": {"half": "1", "label": "Foul", "time": "02:50"}},
    ]
}  # fmt: skip
REPLAYS = [
    {"half": 1, "start": 95, "end": 100, "detection": [{"time": 80, "score": 0.9}]},
    {"half": 1, "start": 195, "end": 200, "detection": [{"time": 170, "score": 0.8}]},
]


def score_replays(tmp_path: Path, replays: Any, *, protocol: Any, labels: Any = None, **options: Any) -> Any:
    put(tmp_path / "cameras", GAMES[0], "Labels-cameras.json", labels or GROUNDING)
    put(tmp_path / "replays", GAMES[0], "results_grounding.json", {"Replays": replays})
    return evaluate(
        task="grounding",
        labels=tmp_path / "cameras",
        predictions=tmp_path / "replays",
        split="all",
        tolerances=(5, 10),
        protocol=protocol,
        **options,
    )


def test_a_report_is_what_its_schema_gives(root: Path, predictions: Path, tmp_path: Path) -> None:
    """Key by key, in order: `report` makes none of the typed objects."""
    spotting = [score(root, predictions, protocol="strict", bootstrap=few).report() for few in (0, 2)]
    grounding = [score_replays(tmp_path, REPLAYS, protocol="soccernet", bootstrap=few).report() for few in (0, 2)]
    for report in (*spotting, *grounding):
        assert json.dumps(TypeAdapter(Scores).validate_python(report).to_json()) == json.dumps(report)


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_grounding(tmp_path: Path, protocol: str) -> None:
    evaluation = score_replays(tmp_path, REPLAYS, protocol=protocol, bootstrap=10)
    report = evaluation.report()
    assert list(report) == [
        "task", "protocol", "signature", "tolerances_s", "average_ap", "interval", "ap_per_tolerance",
        "replays_scored", "replays_missing", "warnings",
    ]  # fmt: skip
    assert report["average_ap"] == 1
    assert (report["replays_scored"], report["replays_missing"]) == (2, 0)
    assert report["signature"].startswith(f"average-ap|task:grounding|protocol:{protocol}|split:all|games:1|")
    assert GroundingStatistics.from_json(evaluation.games[GAMES[0]]).scored == 2


def test_a_replay_left_out_costs_nothing_officially_and_counts_as_a_miss_strictly(tmp_path: Path) -> None:
    official = score_replays(tmp_path, REPLAYS[:1], protocol="soccernet").report()
    assert (official["average_ap"], official["replays_scored"], official["replays_missing"]) == (1, 1, 1)
    strict = score_replays(tmp_path, REPLAYS[:1], protocol="strict").report()
    empty = score_replays(tmp_path, [REPLAYS[0], REPLAYS[1] | {"detection": []}], protocol="strict").report()
    assert strict["average_ap"] == empty["average_ap"] == pytest.approx(0.5)
    assert strict["replays_missing"] == 1


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_withheld_links_cannot_be_scored(tmp_path: Path, protocol: str) -> None:
    labels = {"annotations": [entry | ({"link": ""} if "link" in entry else {}) for entry in GROUNDING["annotations"]]}
    with pytest.raises(InputError, match=r"the links are withheld: no replay has one; score train, valid or test$"):
        score_replays(tmp_path, REPLAYS, protocol=protocol, labels=labels)


def test_a_link_of_a_shot_that_is_no_replay_is_no_withheld_one(tmp_path: Path) -> None:
    labels = json.loads(json.dumps(GROUNDING))
    for entry in labels["annotations"]:
        if "link" in entry:
            entry["replay"] = "real-time"
    labels["annotations"].append({"gameTime": "1 - 44:00", "position": "2640000", "replay": "replay"})
    assert score_replays(tmp_path, REPLAYS, protocol="soccernet", labels=labels).report()["average_ap"] == 1


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_a_link_time_that_is_none_is_named_by_its_entry(tmp_path: Path, protocol: str) -> None:
    labels = json.loads(json.dumps(GROUNDING))
    labels["annotations"][1]["link"]["time"] = "0:01:20"
    with pytest.raises(InputError, match=r"Labels-cameras\.json: annotations, entry 2: link with time '0:01:20'; link"):
        score_replays(tmp_path, REPLAYS, protocol=protocol, labels=labels)


def test_a_broken_link_costs_nothing_until_a_replay_comes_to_it(tmp_path: Path) -> None:
    labels = {"annotations": [*GROUNDING["annotations"], {"gameTime": "1 - 05:00", "replay": "replay", "link": ""}]}
    assert score_replays(tmp_path, REPLAYS, protocol="soccernet", labels=labels).report()["average_ap"] == 1
    beyond = [*REPLAYS, {"half": 1, "start": 295, "end": 300, "detection": []}]
    with pytest.raises(InputError, match="annotations, entry 5"):
        score_replays(tmp_path, beyond, protocol="soccernet", labels=labels)


@pytest.mark.parametrize(
    ("labels", "replays", "problem"),
    [
        ({"annotations": GROUNDING["annotations"][1:]}, REPLAYS, "first annotation"),
        (GROUNDING, [], "no replay of the submission"),
        (GROUNDING, [REPLAYS[0] | {"detection": [{"time": 3500, "score": 1}]}], "beyond 3500 s"),
    ],
)
def test_where_the_official_scorer_fails_only_strict_has_a_score(
    tmp_path: Path, labels: Any, replays: Any, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        score_replays(tmp_path, replays, protocol="soccernet", labels=labels)
    assert not math.isnan(score_replays(tmp_path, replays, protocol="strict", labels=labels).score.average_ap)


@pytest.mark.parametrize(
    ("deltas_s", "average_map"),
    [(LOOSE_S, 0.31382766826473724), (TIGHT_S, 0.04222371313449455)],  # the official scorer, see the data's README
)
def test_the_real_submission_scores_as_officially(deltas_s: tuple[int, ...], average_map: float) -> None:
    labels, submission = DATA / "soccernet_v2_labels.zip", DATA / "netvlad_v2_results_spotting_test.zip"
    if not labels.exists():
        pytest.skip(f"reference data is not there: {labels.name}")
    evaluation = evaluate(task="spotting", labels=labels, predictions=submission, split="test", tolerances=deltas_s)
    assert evaluation.score.average_map == pytest.approx(average_map, rel=0, abs=1e-12)
    assert not evaluation.warnings
    written: list[Events] = [
        read_spotting_predictions(Tree(submission), game, strict=True) for game in evaluation.games
    ]
    assert sum(len(game.half) for game in written) == 27_678
