"""The official scorer as an oracle, fed through its own files, and the real submission where it is available."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from shared_data import SHARED

with np.errstate():  # the official modules silence numpy's warnings for everybody
    from SoccerNet.Evaluation import ActionSpotting, ReplayGrounding
    from SoccerNet.utils import getListGames

from soccerbench.events import Events
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES


def events(labels: Sequence[dict[str, Any]]) -> Events:
    """The events of a label or prediction file, given that everything in it is in order."""
    return Events(
        half=np.array([int(item.get("half", item.get("gameTime", "1")[0])) for item in labels], dtype=np.int64),
        label=np.array([CLASS_INDEX[item["label"]] for item in labels], dtype=np.int64),
        position_ms=np.array([int(item["position"]) for item in labels], dtype=np.int64),
        visible=np.array([item.get("visibility") != "not shown" for item in labels], dtype=bool),
        confidence=np.array([float(item.get("confidence", 1)) for item in labels]),
    )


@pytest.fixture(scope="module")  # no longer: other tests want the official code as it is
def official_spotting() -> Iterator[Callable[..., dict[str, Any]]]:
    """`score(games, deltas_s, classes)`: every output of the official scorer for (annotations, predictions) games."""
    average_map, delta_curve = ActionSpotting.average_mAP, ActionSpotting.delta_curve
    per_tolerance: list[Any] = []

    def remembering(*arguments: Any) -> Any:
        curve = delta_curve(*arguments)
        per_tolerance[:] = curve[0]
        return curve

    def score(games: Sequence[tuple[list[Any], list[Any]]], deltas_s: Sequence[float], classes: int) -> dict[str, Any]:
        serve(patch, ActionSpotting, games, ("Labels-v2.json", "annotations"), ("results_spotting.json", "predictions"))
        patch.setattr(ActionSpotting, "average_mAP", lambda *data, **_: average_map(*data, deltas=np.array(deltas_s)))
        with np.errstate(divide="ignore", invalid="ignore"):
            results = ActionSpotting.evaluate(
                "", "", EVENT_DICTIONARY={name: CLASS_INDEX[name] for name in CLASSES[:classes]}
            )
        names = ("", "_visible", "_unshown")
        fields = [f"{kind}{name}" for name in names for kind in ("average_map", "per_class")]
        return {**dict(zip(fields, results.values(), strict=True)), "map_per_tolerance": np.array(per_tolerance)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActionSpotting, "delta_curve", remembering)
        yield score


@pytest.fixture(scope="module")  # no longer: other tests want the official code as it is
def official_grounding() -> Iterator[Callable[..., float]]:
    """`score(games, deltas_s)`: the official average-AP of (annotations, replays) games."""
    average_ap = ReplayGrounding.average_mAP

    def score(games: Sequence[tuple[list[Any], list[Any]]], deltas_s: Sequence[float]) -> float:
        serve(patch, ReplayGrounding, games, ("Labels-cameras.json", "annotations"), ("results.json", "Replays"))
        patch.setattr(ReplayGrounding, "average_mAP", lambda *data, **_: average_ap(*data, deltas=np.array(deltas_s)))
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(ReplayGrounding.evaluate("", "", "results.json")["a_AP"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "float", float, raising=False)
        yield score


def serve(patch: pytest.MonkeyPatch, module: Any, games: Sequence[tuple[Any, Any]], *files: tuple[str, str]) -> None:
    """Let an official module find these games' files without a disk, and work without a progress bar."""
    contents = {
        f"game-{index}/{name}": {key: entries}
        for index, game in enumerate(games)
        for (name, key), entries in zip(files, game, strict=True)
    }
    patch.setattr(module, "getListGames", lambda *_, **__: [f"game-{index}" for index in range(len(games))])
    patch.setattr(module, "open", lambda path: path, raising=False)
    patch.setattr(module, "json", SimpleNamespace(load=contents.__getitem__))
    patch.setattr(module, "tqdm", lambda values: values)


@pytest.fixture(scope="session")
def real_games() -> list[tuple[list[Any], list[Any]]]:
    """Annotations and predictions of the 100 test games: a real submission against the real labels."""
    if not SHARED.is_dir():
        pytest.skip("the reference data is not available")
    with (
        zipfile.ZipFile(SHARED / "soccernet_v2_labels.zip") as labels,
        zipfile.ZipFile(SHARED / "netvlad_v2_results_spotting_test.zip") as predictions,
    ):
        return [
            (
                json.loads(labels.read(f"{game}/Labels-v2.json"))["annotations"],
                json.loads(predictions.read(f"{game}/results_spotting.json"))["predictions"],
            )
            for game in getListGames("test")
        ]


@pytest.fixture(scope="session")
def read_events() -> Callable[[Sequence[dict[str, Any]]], Events]:
    """Events from the entries of a label or prediction file."""
    return events
