"""The committed metric fixtures: reproducible, enough of everything in them, and right by the official scorer."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

with np.errstate():  # the official modules silence numpy's warnings for everybody
    from SoccerNet.Evaluation import ActionSpotting, ReplayGrounding

from soccerbench.experiments.metric_fixtures import TOLERANCES_S, check_fixtures, write_fixtures
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.shipped import shipped

FIXTURES = shipped("results") / "fixtures"


def load(task: str) -> dict[str, Any]:
    return json.loads((FIXTURES / f"{task}.json").read_text())


def test_the_command_makes_what_is_committed(tmp_path: Path) -> None:
    write_fixtures(tmp_path)
    for task in ("spotting", "grounding"):
        assert json.loads((tmp_path / f"{task}.json").read_text())["games"] == load(task)["games"]
    assert check_fixtures(tmp_path) == check_fixtures(FIXTURES)
    assert check_fixtures(FIXTURES)[1] == []


def test_no_score_is_trivial() -> None:
    for task, overall in (("spotting", "average_map"), ("grounding", "average_ap")):
        scores = load(task)["scores"]
        values = [scores[f"{protocol}, {width}: {overall}"][0] for protocol in ("soccernet", "strict")
                  for width in TOLERANCES_S]  # fmt: skip
        assert len(set(values)) == len(values)
        assert all(0.02 < value < 0.98 for value in values)


def serve(monkeypatch: pytest.MonkeyPatch, module: Any, games: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Let an official module find these games' label and prediction files without a disk."""
    monkeypatch.setattr(module, "getListGames", lambda *_, **__: [str(number) for number in range(len(games))])
    monkeypatch.setattr(module, "open", lambda path, *_: path, raising=False)

    def read(path: str) -> dict[str, Any]:
        labels, predictions = games[int(Path(path).parent.name)]
        return labels if "Labels" in path else predictions

    monkeypatch.setattr(module.json, "load", read)
    monkeypatch.setattr(module, "tqdm", lambda items, *_, **__: items)


def clock(second: int) -> str:
    return f"{second // 60:02d}:{second % 60:02d}"


@pytest.mark.parametrize("width", TOLERANCES_S)
def test_the_committed_spotting_scores_are_the_official_ones(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    games = []
    for game in load("spotting")["games"]:
        targets, found = game["targets"], game["detections"]
        annotations = [
            {"gameTime": f"{half} - 00:00", "label": CLASSES[label], "position": str(position_ms),
             "visibility": "visible" if visible else "not shown"}
            for half, label, position_ms, visible in zip(*targets.values(), strict=True)
        ]  # fmt: skip
        predictions = [
            {"half": str(half), "label": CLASSES[label], "position": str(position_ms), "confidence": str(confidence)}
            for half, label, position_ms, confidence in zip(*found.values(), strict=True)
        ]
        games.append(({"annotations": annotations}, {"predictions": predictions}))
    official = ActionSpotting.average_mAP
    serve(monkeypatch, ActionSpotting, games)
    monkeypatch.setattr(
        ActionSpotting, "average_mAP", lambda *data, **_: official(*data, deltas=np.array(TOLERANCES_S[width]))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        results = list(ActionSpotting.evaluate("", "").values())
    names = [f"{kind}{part}" for part in ("", "_visible", "_unshown") for kind in ("average_map", "per_class")]
    for name, value in zip(names, results, strict=True):
        committed = load("spotting")["scores"][f"soccernet, {width}: {name}"]
        assert np.atleast_1d(value).tolist() == pytest.approx(committed, rel=0, abs=1e-12)


@pytest.mark.parametrize("width", ["loose", "tight"])  # a single one divides by zero there
def test_the_committed_grounding_scores_are_the_official_ones(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    games = []
    for game in load("grounding")["games"]:
        entries = []
        for second, _, linked, half, label, event_s in zip(*game["annotations"].values(), strict=True):
            link = {"half": str(half), "label": CLASSES[label], "time": clock(event_s)}
            entry = {"gameTime": f"1 - {clock(second)}", "replay": "replay", "position": str(1000 * second)}
            entries.append(entry | ({"link": link} if linked else {}))
        replays = [
            {"half": replay["half"], "start": replay["end_s"] - 5, "end": replay["end_s"],
             "detection": [{"time": time, "score": score}
                           for time, score in zip(replay["time_s"], replay["score"], strict=True)]}
            for replay in game["replays"]
        ]  # fmt: skip
        games.append(({"annotations": entries}, {"Replays": replays}))
    official = ReplayGrounding.average_mAP
    serve(monkeypatch, ReplayGrounding, games)
    monkeypatch.setattr(
        ReplayGrounding, "average_mAP", lambda *data, **_: official(*data, deltas=np.array(TOLERANCES_S[width]))
    )
    monkeypatch.setattr(np, "float", float, raising=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(ReplayGrounding.evaluate("", "", "results.json")["a_AP"])
    assert math.isclose(
        value, load("grounding")["scores"][f"soccernet, {width}: average_ap"][0], rel_tol=0, abs_tol=1e-12
    )
