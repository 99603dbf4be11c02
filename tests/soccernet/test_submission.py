"""Submissions: packing, and a line for everything that a server would reject or silently misread."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.grounding_predictions import (
    GroundingPredictions,
    ReplayDetections,
    write_grounding_predictions,
)
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.submission import pack_submission, validate_submission

DATA = SHARED
GAMES = ("league/2020-2021/one", "league/2020-2021/two")
SPOTTING = {"label": "Goal", "position": "31500", "half": "1", "confidence": "0.25", "gameTime": "1 - 00:31"}
REPLAY = {"half": 1, "start": 95, "end": 100, "detection": [{"time": 80.5, "score": 0.9}]}
LINK = {"half": "1", "label": "Goal", "time": "01:20"}

Documents = dict[str, Any]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A root of two challenge games with one replay each; the second one's event is in the other half."""
    root = tmp_path / "labels"
    for game, link in zip(GAMES, ("", LINK), strict=True):
        (root / game).mkdir(parents=True)
        shot = {"gameTime": f"{1 + bool(link)} - 01:40", "position": "100250", "replay": "replay", "link": link}
        (root / game / "Labels-replays.json").write_text(json.dumps({"annotations": [shot]}))
    (root / "splits.json").write_text(json.dumps({"challenge": GAMES, "test": GAMES[:1]}))
    return root


def documents(task: str) -> Documents:
    if task == "spotting":
        return {
            f"{game}/results_spotting.json": {"UrlLocal": game + "/", "predictions": [dict(SPOTTING)]} for game in GAMES
        }
    return {f"{game}/results_grounding.json": {"UrlLocal:": game, "Replays": [copy.deepcopy(REPLAY)]} for game in GAMES}


def write(path: Path, files: Documents) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, document in files.items():
            archive.writestr(name, document if isinstance(document, str) else json.dumps(document))
    return path


def validate(labels: Path, files: Documents, task: Any) -> list[str]:
    path = write(labels.with_name("submission.zip"), files)
    lines = validate_submission(path, task=task, split="challenge", labels=labels)
    assert all(str(path) in line and "\n" not in line for line in lines)
    return [line.replace(f"{path}/", "") for line in lines]


@pytest.mark.parametrize("task", ["spotting", "grounding"])
def test_a_clean_submission(labels: Path, task: str) -> None:
    assert validate(labels, documents(task), task) == []


def changed(key: str, value: Any) -> Callable[[Documents], None]:
    def change(files: Documents) -> None:
        files[f"{GAMES[0]}/results_spotting.json"]["predictions"][0][key] = value

    return change


def renamed(old: str, new: str) -> Callable[[Documents], None]:
    def change(files: Documents) -> None:
        for name in list(files):
            files[name.replace(old, new)] = files.pop(name)

    return change


def one(action: Callable[[Documents, str], None]) -> Callable[[Documents], None]:
    return lambda files: action(files, f"{GAMES[0]}/results_spotting.json")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (one(lambda files, name: files.pop(name)), "one/results_spotting.json: missing"),
        (one(lambda files, name: files.update({"a/b/c/results_spotting.json": {}})), "no game of the split"),
        (one(lambda files, name: files.update({"README.txt": "hello"})), "README.txt: is no file of a submission"),
        (one(lambda files, name: files.update({f"__MACOSX/{name}": "{}"})), "files that a system added (1); pack"),
        (one(lambda files, name: files.update({f"old/{name}": "{}"})), "is a second file for its game"),
        (renamed("league/", "./league/"), "names that begin with ./ (2); pack"),
        (one(lambda files, name: files.update({name: "{"})), "no JSON"),
        (one(lambda files, name: files.update({name: '{"predictions": [{"label": NaN}]}'})), "no JSON"),
        (one(lambda files, name: files.update({name: {"predictions": {}}})), "no list under 'predictions'"),
        (one(lambda files, name: files.update({name: '{"predictions": [], "predictions": []}'})), "appear twice"),
        (one(lambda files, name: files[name].update(UrlLocal=GAMES[1])), "'UrlLocal' names another game"),
        (one(lambda files, name: files[name]["predictions"].append("x")), "entry 2: 'x' is no object"),
        (one(lambda files, name: files[name]["predictions"].append(SPOTTING | {"confidence": 1})), "a second 'Goal'"),
        (renamed("results_spotting", "predictions"), "name it results_spotting.json"),
        (renamed("league/", "top/folder/league/"), "top/folder: is around 2 games; pack the leagues at the top"),
        (renamed("/", "\\"), "names with backslashes (2); pack them with forward slashes"),
        (changed("label", "goal"), "entry 1: unknown event 'goal' (did you mean 'Goal'?); name one of"),
        (changed("half", 3), "half 3 is neither 1 nor 2"),
        (changed("half", "first"), "half 'first'"),
        (changed("position", 31500.5), "position 31500.5 is no whole number"),
        (changed("position", -1), "position -1 is before the half"),
        (changed("position", 7_200_001), "is beyond two hours"),
        (changed("position", 31), "gameTime '1 - 00:31' but half 1, position 31 ms; give positions in milliseconds"),
        (changed("gameTime", "31:30"), "gameTime '31:30' but half 1, position 31500 ms"),
        (changed("half", 2), "but half 2"),
        (changed("confidence", 1.01), "confidence 1.01 is above 1"),
        (changed("confidence", -0.1), "is below 0"),
        (changed("confidence", "nan"), "is no number"),
        (changed("confidence", None), "is no number"),
        (changed("confidence", True), "is no number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_predictions(labels: Path, change: Callable[[Documents], None], problem: str) -> None:
    files = documents("spotting")
    change(files)
    lines = validate(labels, files, "spotting")
    assert any(problem in line for line in lines), lines


@pytest.mark.parametrize(
    "change",
    [
        changed("half", 1.0),
        changed("position", 31500.0),
        changed("gameTime", "0:31"),
        changed("gameTime", "31 s"),
        changed("gameTime", None),
        one(lambda files, name: files[name].update(UrlLocal=f"{GAMES[0]}/1")),
        one(lambda files, name: files[name].update(UrlLocal=f"/data/SoccerNet/{GAMES[0]}/1_224p.mkv")),
        one(lambda files, name: files[name].update(UrlLocal=f"D:\\SoccerNet\\{GAMES[0]}".replace("/", "\\"))),
    ],
)
def test_what_is_harmless_is_no_problem(labels: Path, change: Callable[[Documents], None]) -> None:
    files = documents("spotting")
    change(files)
    assert validate(labels, files, "spotting") == []


def test_every_fault_is_listed_once_a_kind(labels: Path) -> None:
    files = documents("spotting")
    files[f"{GAMES[0]}/results_spotting.json"]["predictions"] += [{"label": "x"}, {"label": "y"}, {"label": "Goal"}]
    lines = validate(labels, files, "spotting")
    assert len(lines) == 4
    assert "entry 2: unknown event 'x'" in lines[0]
    assert lines[0].endswith("(1 more of the kind)")
    assert lines[1].endswith("(2 more of the kind)")


@pytest.mark.parametrize(
    ("replays", "problem"),
    [
        ([], "the replay of half 1 that ends at 100 s is missing"),
        ([REPLAY, REPLAY], "entry 2: half 1, end 100 is no replay of the labels, or is there"),
        ([REPLAY, REPLAY | {"end": 101}], "entry 2: half 1, end 101 is no replay of the labels"),
        ([REPLAY | {"half": "x"}], "half 'x'"),
        ([REPLAY | {"end": 90}], "it ends before it starts"),
        ([REPLAY | {"detection": None}], "no list under 'detection'"),
        ([REPLAY | {"detection": [{"time": 3500, "score": 1}]}], "detection 1: time 3500 is beyond 3500 s"),
        ([REPLAY | {"detection": [{"time": "80", "score": 1}]}], "time '80' is no number"),
        ([REPLAY | {"detection": [{"time": 80, "score": 2}]}], "score 2 is above 1"),
        ([REPLAY | {"detection": [{"time": 80, "score": 0}] * 2}], "detection 2: a second detection"),
        ([REPLAY | {"detection": [5]}], "5 is no object"),
        ({}, "no list under 'Replays'"),
    ],
)
def test_what_is_wrong_with_replays(labels: Path, replays: Any, problem: str) -> None:
    files = documents("grounding")
    files[f"{GAMES[0]}/results_grounding.json"]["Replays"] = replays
    lines = validate(labels, files, "grounding")
    assert any(problem in line for line in lines), lines


def test_replays_go_by_one_file_name(labels: Path) -> None:
    files = {
        name.replace("results_grounding", "Detection-replays"): file for name, file in documents("grounding").items()
    }
    assert validate(labels, files, "grounding") == []
    files[f"{GAMES[0]}/results_grounding.json"] = files.pop(f"{GAMES[0]}/Detection-replays.json")
    path = write(labels.with_name("mixed.zip"), files)
    (line,) = validate_submission(path, task="grounding", split="challenge", labels=labels)
    assert "holds Detection-replays.json and results_grounding.json" in line


def test_what_cannot_be_opened_is_no_submission(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    for path, said in ((tmp_path / "nothing.zip", "no such"), (tmp_path / "text.zip", "not a readable zip")):
        with pytest.raises(InputError, match=f"{path.name}: {said}"):
            validate_submission(path, task="spotting", split="challenge", labels=labels)


def test_files_twice_in_the_zip(labels: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "twice.zip", documents("spotting"))
    name = f"{GAMES[0]}/results_spotting.json"
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(name, '{"predictions": []}')
    (line,) = validate_submission(path, task="spotting", split="challenge", labels=labels)
    assert "appears twice in the zip" in line


@pytest.mark.parametrize("task", ["spotting", "grounding"])
def test_packing_from_a_folder_a_run_and_a_zip(labels: Path, tmp_path: Path, task: Any) -> None:
    folder, run = tmp_path / "folder", tmp_path / "run"
    for name, document in documents(task).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    (folder / "notes.txt").write_text("not packed")
    run.mkdir()
    write(run / "predictions-challenge.zip", documents(task))
    packed = []
    for source in (folder, run, run / "predictions-challenge.zip"):
        out = tmp_path / "out.zip"
        assert pack_submission(source, out, task=task, split="challenge", labels=labels) == []
        assert validate_submission(out, task=task, split="challenge", labels=labels) == []
        packed.append(out.read_bytes())
    assert packed[0] == packed[1] == packed[2]
    assert sorted(zipfile.ZipFile(out).namelist()) == sorted(documents(task))


@pytest.mark.parametrize("simulated", [True, False])
def test_a_run_on_simulated_data_knows_its_games(tmp_path: Path, simulated: bool) -> None:
    write(tmp_path / "predictions-challenge.zip", documents("spotting"))
    (tmp_path / "result.json").write_text(json.dumps({"simulated": simulated}))
    out = tmp_path / "out.zip"
    problems = pack_submission(tmp_path, out, task="spotting", split="challenge")
    assert bool(problems) != simulated
    assert out.exists() == simulated
    with pytest.raises(InputError, match=r"without predictions-test\.zip; it has predictions-challenge\.zip; ch"):
        pack_submission(tmp_path, out, task="spotting", split="test")


def test_nothing_is_written_while_anything_is_wrong(labels: Path, tmp_path: Path) -> None:
    files = documents("spotting")
    changed("half", 3)(files)
    source = write(tmp_path / "bad.zip", files)
    out = tmp_path / "out.zip"
    assert len(pack_submission(source, out, task="spotting", split="challenge", labels=labels)) == 1
    assert not out.exists()


def test_without_labels_the_official_games_are_expected(tmp_path: Path) -> None:
    lines = validate_submission(write(tmp_path / "empty.zip", {}), task="spotting", split="challenge")
    assert len(lines) == len(official_games("challenge")) == 50
    with pytest.raises(ValueError, match="unknown split"):
        validate_submission(tmp_path / "empty.zip", task="spotting", split="all")


def test_another_split_is_one_line(labels: Path, tmp_path: Path) -> None:
    files = {f"{game}/results_spotting.json": {} for game in official_games("test")}
    path = write(tmp_path / "test.zip", files)
    for look in (validate_submission(path, task="spotting", split="challenge"),
                 pack_submission(path, tmp_path / "out.zip", task="spotting", split="challenge")):  # fmt: skip
        assert look == [f"{path}: holds none of the games of split challenge, but 100 others; choose --split test"]
    one = write(tmp_path / "one.zip", dict([files.popitem()]))
    assert "but 1 other; choose" in validate_submission(one, task="spotting", split="challenge")[0]
    own = write(tmp_path / "own.zip", documents("spotting"))
    (line,) = validate_submission(own, task="spotting", split="challenge")
    assert line.endswith("but 2 others; choose another --split, or give the --labels of their root")


def test_the_real_submission_is_clean() -> None:
    path = DATA / "netvlad_v2_results_spotting_test.zip"
    if not path.exists():
        pytest.skip(f"reference data is not there: {path.name}")
    assert validate_submission(path, task="spotting", split="test") == []


def test_a_submission_for_all_real_challenge_replays_is_clean(tmp_path: Path) -> None:
    labels = DATA / "replay_labels_challenge.zip"
    if not labels.exists():
        pytest.skip(f"reference data is not there: {labels.name}")
    games = []
    for name in official_games("challenge"):
        replays = read_replays(Tree(labels), name, strict=True).replays
        detect = [
            ReplayDetections(replay.half, replay.start_s, replay.end_s, np.array([0.5]), np.ones(1))
            for replay in replays
        ]
        games.append(GroundingPredictions(name, detect))
    path = tmp_path / "results.zip"
    write_grounding_predictions(path, games)
    assert sum(len(game.replays) for game in games) == 3146  # four pairs of them end in one second
    problems = validate_submission(path, task="grounding", split="challenge", labels=labels)
    assert problems == []
    write_grounding_predictions(path, [GroundingPredictions(game.game, game.replays[1:]) for game in games])
    assert len(validate_submission(path, task="grounding", split="challenge", labels=labels)) == 50
