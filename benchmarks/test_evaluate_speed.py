"""Reading labels and predictions: beside the official reader, and beside merely unpacking and parsing the JSON.

Run with `pytest benchmarks/test_evaluate_speed.py -s`; the ratios are in `extra_info`. Scoring and the whole process
are measured in `test_scorer_speed.py`.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from shared_data import SHARED

from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULTS, read_spotting_predictions

LABELS = SHARED / "soccernet_v2_labels.zip"
REAL = SHARED / "netvlad_v2_results_spotting_test.zip"
GAMES = official_games("test")

pytestmark = [
    pytest.mark.skipif(not SHARED.is_dir(), reason="the reference data is not at hand"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def read_labels(path: Path) -> int:
    tree = Tree(path)
    return sum(len(read_spotting_labels(tree, game, strict=False).half) for game in GAMES)


def read_predictions(path: Path) -> int:
    tree = Tree(path)
    return sum(len(read_spotting_predictions(tree, game, strict=False).half) for game in GAMES)


def read_officially(path: Path, file: str) -> None:
    from SoccerNet.Evaluation import ActionSpotting

    convert = ActionSpotting.label2vector if file == SPOTTING_LABELS else ActionSpotting.predictions2vector
    for game in GAMES:
        document = ActionSpotting.LoadJsonFromZip(str(path), f"{game}/{file}")
        convert(document, num_classes=len(CLASSES), framerate=2, version=2, EVENT_DICTIONARY=CLASS_INDEX)


def read_json(path: Path, file: str) -> None:
    with zipfile.ZipFile(path) as archive:
        for game in GAMES:
            orjson.loads(archive.read(f"{game}/{file}"))


def seconds(work: Callable[..., Any], arguments: Iterable[Any], rounds: int) -> float:
    """The median over some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work(*arguments)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def compare(benchmark: Any, read: Callable[[Path], int], path: Path, file: str) -> None:
    """Measure ours, the official reader and the mere JSON in one run."""
    entries = benchmark.pedantic(read, (path,), rounds=5, warmup_rounds=1)
    ours_s = benchmark.stats.stats.median
    official_s, json_s = seconds(read_officially, (path, file), 1), seconds(read_json, (path, file), 5)
    benchmark.extra_info.update(entries=entries, official_s=official_s, read_json_s=json_s)
    ratios = f"{official_s / ours_s:.1f} times faster than officially, {ours_s / json_s:.1f} times the mere JSON"
    print(f"\n{path.name}: {entries} entries in {ours_s:.3f} s; {ratios} ({json_s:.3f} s)")
    assert ours_s < official_s


def test_labels(benchmark: Any) -> None:
    compare(benchmark, read_labels, LABELS, SPOTTING_LABELS)


@pytest.mark.parametrize("path", [REAL, *sorted((SHARED / "submissions").glob("*.zip"))], ids=lambda path: path.stem)
def test_real_submission(benchmark: Any, path: Path) -> None:
    compare(benchmark, read_predictions, path, SPOTTING_RESULTS)


def test_dense_submission(benchmark: Any, dense: Path) -> None:
    compare(benchmark, read_predictions, dense, SPOTTING_RESULTS)
