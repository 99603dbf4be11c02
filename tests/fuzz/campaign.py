"""Damage files, score them, and hold the outcome against the official scorer's; run by `test_damaged_files.py`.

Usage: python campaign.py FIRST CASES, prints findings as they come, and at the end one JSON object.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import signal
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from damage import EVENTS, GAME, LAYOUTS, WAYS, damage_zip, encode, grounding_files, pack, spotting_files

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from SoccerNet.Evaluation import ActionSpotting, ReplayGrounding

from soccerbench.errors import InputError
from soccerbench.experiments.fingerprint import peak_memory_bytes
from soccerbench.scoring.evaluate import evaluate
from soccerbench.soccernet.osl.convert import convert
from soccerbench.soccernet.submission import validate_submission

HANG_S = 60  # of processor time: a busy machine is no hang
DELTAS_S = (2, 5)
ATOL = 1e-12


def official_spotting(labels: Path, predictions: Path) -> list[float]:
    """The official numbers over three classes; any exception if it has none."""
    ActionSpotting.getListGames = lambda **_: [GAME]
    ActionSpotting.tqdm = ReplayGrounding.tqdm = lambda games: games
    dictionary = {name: place for place, name in enumerate(EVENTS)}
    score = ActionSpotting.average_mAP

    def at_two_widths(targets: Any, detections: Any, closests: Any, framerate: int, **_: Any) -> Any:
        return score(targets, detections, closests, framerate, deltas=np.array(DELTAS_S))

    ActionSpotting.average_mAP = at_two_widths
    try:
        found = ActionSpotting.evaluate(str(labels), str(predictions), EVENT_DICTIONARY=dictionary)
    finally:
        ActionSpotting.average_mAP = score
    parts = ("a_mAP", "a_mAP_visible", "a_mAP_unshown")
    per_class = [value for part in parts for value in found[part.replace("mAP", "mAP_per_class")]]
    return [float(value) for value in (*(found[part] for part in parts), *per_class)]


def our_spotting(labels: Path, predictions: Path, protocol: Any) -> list[float]:
    evaluation = evaluate(
        task="spotting",
        labels=labels,
        predictions=predictions,
        split="all",
        tolerances=DELTAS_S,
        protocol=protocol,
        classes=EVENTS,
    )
    report = evaluation.report()
    parts = ("", "_visible", "_unshown")
    per_class = [value for part in parts for value in report[f"per_class{part}"].values()]
    return [math.nan if value is None else value for value in (*(report[f"average_map{p}"] for p in parts), *per_class)]


def official_grounding(labels: Path, predictions: Path) -> list[float]:
    """The official number; any exception if it has none. Loose widths only, as the code offers no others."""
    ReplayGrounding.getListGames = lambda *_: [GAME]
    ReplayGrounding.np.float = float
    gt, detections = ReplayGrounding.replay_from_json(
        str(labels), str(predictions), "test", 2, "results_grounding.json"
    )
    return [float(ReplayGrounding.average_mAP(gt, detections, framerate=2, deltas=np.array(DELTAS_S)))]


def our_grounding(labels: Path, predictions: Path, protocol: Any) -> list[float]:
    evaluation = evaluate(
        task="grounding", labels=labels, predictions=predictions, split="all", tolerances=DELTAS_S, protocol=protocol
    )
    value = evaluation.report()["average_ap"]
    return [math.nan if value is None else value]


TASKS: dict[str, tuple[Any, Any, Any]] = {
    "spotting": (spotting_files, official_spotting, our_spotting),
    "grounding": (grounding_files, official_grounding, our_grounding),
}


def outcome(score: Any, *arguments: Any) -> list[float] | str:
    """The numbers, or the one line that says why there are none; anything else is a finding."""
    try:
        return list(score(*arguments))
    except ValueError as error:
        line = str(error)
        assert line, "no message"
        assert "\n" not in line, f"more than one line: {line!r}"
        return line


def official(score: Any, *arguments: Any) -> list[float] | None:
    """The official numbers, None where the code raises whatever it raises."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return list(score(*arguments))
        except Exception:
            return None


def run_case(case: int, folder: Path, seen: Counter[str]) -> None:
    """One damaged pair of files."""
    rng = random.Random(case)
    task = rng.choice(list(TASKS))
    make, score_officially, score = TASKS[task]
    documents = make(rng)
    victim = rng.choice(list(documents))
    way = rng.choice([*WAYS, None])
    files = {name: encode(document) for name, document in documents.items()}
    if way is not None:
        files[victim] = way(documents[victim], rng)
    archive = pack(files)
    if way is None:
        archive = damage_zip(archive, rng)
    path = folder / f"{case}.zip"
    path.write_bytes(archive)
    if way is not None and rng.random() < 0.3:
        with zipfile.ZipFile(path) as whole:
            path = folder / str(case)
            whole.extractall(path)
    ours = outcome(score, path, path, "soccernet")
    strict = outcome(score, path, path, "strict")
    with contextlib.suppress(InputError):  # no zip at all
        assert all(isinstance(line, str) for line in validate_submission(path, task=task, split="test"))
    theirs = official(score_officially, path, path)
    if theirs is None:
        assert isinstance(ours, str), f"{task}: a number where the official scorer has none"
    else:
        assert not isinstance(ours, str), f"{task}: {ours} where the official scorer has {theirs}"
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=ATOL)
    if way is not None:
        check_layout(files, folder, rng, ours, score)
    if way is not None and task == "spotting":
        check_conversion(files, folder)
    seen[f"{task}: {'refused' if isinstance(ours, str) else 'scored'}"] += 1
    seen["strict refused"] += isinstance(strict, str)


def check_layout(files: dict[str, bytes], folder: Path, rng: random.Random, ours: Any, score: Any) -> None:
    """The same files in another layout have the same outcome."""
    path = folder / "layout.zip"
    path.write_bytes(pack(files, rng.choice(LAYOUTS)))
    again = outcome(score, path, path, "soccernet")
    assert isinstance(again, str) == isinstance(ours, str), f"{again} in another layout, else {ours}"
    if not isinstance(ours, str):
        np.testing.assert_array_equal(again, ours)


def check_conversion(files: dict[str, bytes], folder: Path) -> None:
    """A file that can be converted is the same after converting it back."""
    for name, data in files.items():
        source = folder / "one" / GAME / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(data)
        with contextlib.suppress(InputError):
            convert(folder / "one", folder / "one.json", to="osl")
            convert(folder / "one.json", folder / "back", to="soccernet")
            assert orjson.loads((folder / "back" / GAME / name).read_bytes()) == orjson.loads(data)
        source.unlink()


def main() -> None:
    first, cases = map(int, sys.argv[1:])
    seen: Counter[str] = Counter()
    findings = []
    for case in range(first, first + cases):
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        with tempfile.TemporaryDirectory() as folder:
            try:
                run_case(case, Path(folder), seen)
            except Exception as error:
                findings.append(f"case {case}: {type(error).__name__}: {error}")
                sys.stderr.write(f"{findings[-1]}\n")
    signal.setitimer(signal.ITIMER_PROF, 0)
    sys.stdout.write(json.dumps({"findings": findings, "seen": seen, "peak_bytes": peak_memory_bytes()}))


if __name__ == "__main__":
    main()
