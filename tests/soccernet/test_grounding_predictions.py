"""Grounding predictions: read as the official scorer reads them, or strictly, and written in its form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.grounding_predictions import (
    GroundingPredictions,
    ReplayDetections,
    grounding_bytes,
    read_grounding_predictions,
    write_grounding_predictions,
)

GAME = "league/2020-2021/game"
REPLAY = {"half": 1, "start": 95, "end": 100, "detection": [{"time": 80.5, "score": 0.9}, {"time": 70, "score": "0.1"}]}


def read(
    root: Path, replays: Any, *, strict: bool = True, file: str = "results_grounding.json"
) -> GroundingPredictions:
    (root / GAME).mkdir(parents=True, exist_ok=True)
    document = {"Game:": GAME, "half1_time": 2700, "half2_time": 2800, "Replays": replays}
    (root / GAME / file).write_text(json.dumps(document))
    return read_grounding_predictions(Tree(root), GAME, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("file", ["results_grounding.json", "Detection-replays.json"])
def test_replays_and_detections(tmp_path: Path, strict: bool, file: str) -> None:
    game = read(tmp_path, [REPLAY, REPLAY | {"half": "2", "end": 101.0, "detection": []}], strict=strict, file=file)
    assert [(replay.half, replay.start_s, replay.end_s) for replay in game.replays] == [(1, 95, 100), (2, 95, 101)]
    assert game.replays[0].time_s.tolist() == [80.5, 70.0]
    assert game.replays[0].score.tolist() == [0.9, 0.1]
    assert len(game.replays[1].time_s) == 0
    assert not game.warnings


UNUSUAL: list[tuple[dict[str, Any], tuple[float, float], str]] = [
    ({"time": -1.0}, (-1.0, 0.9), "before the half"),
    ({"time": "3"}, (16.5, 0.9), "no number"),  # "3" doubled as text is "33"
    ({"time": True}, (1.0, 0.9), "no number"),
    ({"score": 1.5}, (80.5, 1.5), "above 1"),
    ({"score": None}, (80.5, math.nan), "never counted"),
    ({"score": -1}, (80.5, -1.0), "below 0"),
]
FATAL: list[tuple[dict[str, Any], str]] = [
    ({"time": 1e300}, "beyond two hours"),
    ({"time": "80.5"}, "no number"),
    ({"time": None}, "no number"),
    ({"time": "80"}, "no number"),  # "8080", past the end
    ({"score": "sure"}, "no number"),
]


@pytest.mark.parametrize(("change", "row", "warning"), UNUSUAL)
def test_what_the_official_scorer_takes_is_counted(
    tmp_path: Path, change: dict[str, Any], row: tuple[float, float], warning: str
) -> None:
    detection = {"time": 80.5, "score": 0.9} | change
    game = read(tmp_path, [REPLAY | {"detection": [detection]}], strict=False)
    np.testing.assert_array_equal([game.replays[0].time_s[0], game.replays[0].score[0]], row)
    (kind,) = game.warnings
    assert warning in kind


@pytest.mark.parametrize("change", [change for change, *_ in [*UNUSUAL, *FATAL]])
def test_a_strict_reader_names_the_detection(tmp_path: Path, change: dict[str, Any]) -> None:
    detections = [{"time": 10, "score": 0.5}, {"time": 80.5, "score": 0.9} | change]
    with pytest.raises(InputError, match="Replays, entry 1, detection, entry 2"):
        read(tmp_path, [REPLAY | {"detection": detections}])


@pytest.mark.parametrize(("change", "problem"), [*FATAL, ({"time": 3500}, "beyond 3500 s")])
def test_a_lenient_reader_refuses_what_the_official_scorer_fails_on(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match="Replays, entry 1, detection, entry 1") as caught:
        read(tmp_path, [REPLAY | {"detection": [{"time": 80.5, "score": 0.9} | change]}], strict=False)
    assert problem in str(caught.value)


def test_times_past_3500_seconds_are_fine_for_strict(tmp_path: Path) -> None:
    game = read(tmp_path, [REPLAY | {"detection": [{"time": 3600.5, "score": 0.9}]}])
    assert game.replays[0].time_s.tolist() == [3600.5]


@pytest.mark.parametrize(
    ("change", "strict_only", "problem"),
    [
        ({"half": 3}, True, "half 3"),
        ({"half": "x"}, False, "half 'x'"),
        ({"end": 100.5}, True, "end 100.5"),
        ({"end": None}, False, "end None"),
        ({"end": -1}, True, "outside of the half"),
        ({"start": 101}, True, "ends before it starts"),
        ({"detection": {}}, True, "no list under 'detection'"),
        ({"detection": 5}, False, "no list under 'detection'"),
    ],
)
def test_broken_replays(tmp_path: Path, change: dict[str, Any], strict_only: bool, problem: str) -> None:
    with pytest.raises(InputError, match="Replays, entry 2") as caught:
        read(tmp_path, [REPLAY, REPLAY | change])
    assert problem in str(caught.value)
    if strict_only:
        assert sum(read(tmp_path, [REPLAY, REPLAY | change], strict=False).warnings.values()) == 1
    else:
        with pytest.raises(InputError, match="Replays, entry 2"):
            read(tmp_path, [REPLAY, REPLAY | change], strict=False)


def test_two_detections_in_half_a_second(tmp_path: Path) -> None:
    replays = [REPLAY | {"detection": [{"time": 80.5, "score": 0.9}, {"time": 80.9, "score": 0.1}]}]
    assert sum(read(tmp_path, replays, strict=False).warnings.values()) == 1
    with pytest.raises(InputError, match="1 share half a second"):
        read(tmp_path, replays)


def test_no_replays_no_list_no_file(tmp_path: Path) -> None:
    assert read(tmp_path, []).replays == ()
    for strict in (True, False):
        with pytest.raises(InputError, match="no list under 'Replays'"):
            read(tmp_path, 5, strict=strict)
    with pytest.raises(InputError, match=r"results_grounding\.json: missing"):
        read_grounding_predictions(Tree(tmp_path), "other", strict=True)


def test_what_is_written_is_official_and_reads_back(tmp_path: Path) -> None:
    replay = ReplayDetections(2, 95, 100, np.array([80.5, 70.0]), np.array([1 / 3, 0.5], np.float32))
    written = GroundingPredictions(GAME, (replay,), half_lengths_s=(2700.5, 2800))
    third = float(np.float32(1 / 3))
    assert json.loads(grounding_bytes(written)) == {
        "UrlLocal:": GAME,
        "half1_time": 2700,
        "half2_time": 2800,
        "Replays": [
            {
                "half": 2,
                "start": 95,
                "end": 100,
                "detection": [{"time": 80.5, "score": third}, {"time": 70.0, "score": 0.5}],
            }
        ],
    }
    write_grounding_predictions(tmp_path / "results.zip", [written])
    (back,) = read_grounding_predictions(Tree(tmp_path / "results.zip"), GAME, strict=True).replays
    assert (back.half, back.start_s, back.end_s) == (2, 95, 100)
    assert back.time_s.tolist() == [80.5, 70.0]
    assert back.score.tolist() == [third, 0.5]
