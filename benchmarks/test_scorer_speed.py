"""Our spotting scorer beside the official one, in one run: a real submission, and a dense one of 735,000 detections.

Run with `pytest benchmarks/test_scorer_speed.py --benchmark-json FILE`; ratios and the time that merely reading the
JSON takes are under `extra_info`, and printed with `-s`. The official scorer needs minutes for the dense set: its
time per tolerance is measured at three of the twelve and taken for all, unless SOCCERBENCH_PARITY=full. Times in the
process are processor time, which other work on the machine disturbs least; that of the whole process is by the clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from shared_data import SHARED

from soccerbench.events import Events
from soccerbench.metrics.spotting import average_map
from soccerbench.metrics.tolerances import LOOSE_S
from soccerbench.scoring.evaluate import evaluate
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions

LABELS = SHARED / "soccernet_v2_labels.zip"
REAL = SHARED / "netvlad_v2_results_spotting_test.zip"
SAMPLED_S = LOOSE_S if os.environ.get("SOCCERBENCH_PARITY") == "full" else (5, 30, 60)

pytestmark = [
    pytest.mark.skipif(not SHARED.is_dir(), reason="the reference data is not at hand"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the official scorer's open files
]
in_process = pytest.mark.benchmark(timer=time.process_time)


def official(predictions: Path) -> tuple[float, float, float]:
    """Official seconds to read, seconds to score, and the average-mAP over the sampled tolerances."""
    from SoccerNet.Evaluation import ActionSpotting

    vectors: list[Any] = []
    score = ActionSpotting.average_mAP
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActionSpotting, "tqdm", lambda values: values)
        patch.setattr(ActionSpotting, "average_mAP", lambda *data, **_: vectors.extend(data) or [0.0] * 6)
        read_s, _ = timed(lambda: ActionSpotting.evaluate(str(LABELS), str(predictions)))
        score_s, results = timed(lambda: score(*vectors, deltas=np.array(SAMPLED_S)))
    return read_s, score_s * len(LOOSE_S) / len(SAMPLED_S), results[0]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def read_json(predictions: Path) -> None:
    """Merely unpack and parse what scoring needs to read."""
    for path, file in ((LABELS, "Labels-v2.json"), (predictions, "results_spotting.json")):
        with zipfile.ZipFile(path) as archive:
            for game in official_games("test"):
                orjson.loads(archive.read(f"{game}/{file}"))


def report(benchmark: Any, name: str, official_s: float, json_s: float, least: float) -> None:
    """Record and print how we stand to the official scorer and to merely reading, and insist on the least ratio."""
    ours_s = benchmark.stats.stats.median
    ratio = official_s / ours_s
    benchmark.extra_info.update(official_s=official_s, ratio=ratio, read_json_s=json_s)
    print(f"\n{name}: {ours_s:.3f} s, official {official_s:.1f} s, {ratio:.0f} times; reading the JSON {json_s:.3f} s")
    assert ratio >= least


def events(tree_path: Path) -> tuple[list[Events], list[Events]]:
    labels, predictions = Tree(LABELS), Tree(tree_path)
    found = [read_spotting_predictions(predictions, game, strict=False) for game in official_games("test")]
    truth = [read_spotting_labels(labels, game, strict=False) for game in official_games("test")]
    return truth, found


def from_files(predictions: Path, deltas_s: tuple[int, ...] = LOOSE_S) -> float:
    evaluation = evaluate(task="spotting", labels=LABELS, predictions=predictions, split="test", tolerances=deltas_s)
    return evaluation.score.average_map


@in_process
def test_real_submission_with_reading(benchmark):
    read_s, score_s, expected = official(REAL)
    benchmark.pedantic(from_files, (REAL,), rounds=50, warmup_rounds=3)
    assert from_files(REAL, SAMPLED_S) == pytest.approx(expected, rel=0, abs=1e-12)
    report(benchmark, "real submission, with reading", read_s + score_s, timed(lambda: read_json(REAL))[0], 100)


@pytest.fixture(scope="session")
def official_dense(dense: Path) -> tuple[float, float, float]:
    return official(dense)


@in_process
def test_dense_submission_without_reading(benchmark, dense, official_dense):
    _, score_s, expected = official_dense
    targets, detections = events(dense)
    arguments = {"targets": targets, "detections": detections}
    benchmark.extra_info["detections"] = sum(map(len, detections))
    benchmark.pedantic(average_map, kwargs={**arguments, "deltas_s": LOOSE_S}, rounds=5, warmup_rounds=1)
    assert average_map(**arguments, deltas_s=SAMPLED_S).average_map == pytest.approx(expected, rel=0, abs=1e-12)
    report(benchmark, "dense submission, without reading", score_s, timed(lambda: read_json(dense))[0], 50)


@in_process
def test_dense_submission_with_reading(benchmark, dense, official_dense):
    read_s, score_s, _ = official_dense
    benchmark.pedantic(from_files, (dense,), rounds=3, warmup_rounds=1)
    report(benchmark, "dense submission, with reading", read_s + score_s, timed(lambda: read_json(dense))[0], 15)


def test_whole_process(benchmark):
    command = [sys.executable, "-c", "from soccerbench.cli import main; main()", "evaluate", "spotting"]
    files = ["--labels", str(LABELS), "--predictions", str(REAL), "--split", "test", "--json"]

    def evaluate() -> bytes:
        return subprocess.run([*command, *files], check=True, capture_output=True).stdout

    assert orjson.loads(benchmark.pedantic(evaluate, rounds=5, warmup_rounds=1))["average_map"] == pytest.approx(
        0.31382766826473724, rel=0, abs=1e-12
    )
    benchmark.extra_info["read_json_s"] = timed(lambda: read_json(REAL))[0]
    print(f"\nsoccerbench evaluate spotting: {benchmark.stats.stats.median:.2f} s")
    assert benchmark.stats.stats.median <= 1
