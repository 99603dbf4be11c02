"""Does a head trained on shuffled labels know anything? Its score against that of the same detections at wrong times.

What a predictor without any information scores depends on how its confidences are spread and how far apart suppression
leaves its detections: equal confidences everywhere score less than random ones. So the fair comparison keeps the
detections and moves all those of a half round by one random time, which leaves confidences and distances as they are
and no relation to the events. A head may score more than that without having read a label: one that was fitted to noise
varies most where the features do, which is where something happens. So the detections are also kept at their times
and given to other classes, each class those of another one. If the labels leak, the true classes score more than
exchanged ones. A constant predictor is scored too, with detections as close or as far apart as suppression with 20 s
may leave them, for ties may be broken in any order.

    python benchmarks/leak_control.py runs/mini/controls/row-01 --out results/mini/controls/leak.json
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import HALVES
from soccerbench.files import write_json
from soccerbench.metrics.tolerances import LOOSE_S
from soccerbench.scoring.evaluate import evaluate_games
from soccerbench.simulation.matches.write import cached_mini
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions


def moved(game: Events, lengths_ms: dict[int, int], rng: np.random.Generator) -> Events:
    """All detections of each half, carried round by one random time."""
    position_ms = game.position_ms.copy()
    for half, length_ms in lengths_ms.items():
        inside = game.half == half
        position_ms[inside] = (position_ms[inside] + 1000 * rng.integers(60, length_ms // 1000 - 60)) % length_ms
    return dataclasses.replace(game, position_ms=position_ms)


def exchanged(games: list[Events], rng: np.random.Generator) -> list[Events]:
    """All detections at their times, those of each class given to another class."""
    classes = np.arange(len(CLASSES))
    others = rng.permutation(classes)
    while (others == classes).any():
        others = rng.permutation(classes)
    return [dataclasses.replace(game, label=others[game.label]) for game in games]


def score(root: Dataset, split: str, predictions: list[Events]) -> float:
    """The loose average-mAP."""
    labels = list(root.labels(split).values())
    scored = evaluate_games(
        "spotting", labels=labels, predictions=predictions, split=split, deltas_s=LOOSE_S, protocol="soccernet"
    )
    return float(scored.score.average_map)


def compare(run: Path, root: Dataset, split: str, repetitions: int) -> dict[str, Any]:
    """The score of one run, and those of its detections at wrong times and of other classes."""
    store = root.store(["vtn"])
    tree, rng = Tree(run / f"predictions-{split}.zip"), np.random.default_rng(0)
    found = [read_spotting_predictions(tree, game, strict=False) for game in root.games[split]]
    lengths = [{half: 1000 * store.length(game, half) // store.fps for half in HALVES} for game in root.games[split]]
    wrong = [
        score(root, split, [moved(game, length, rng) for game, length in zip(found, lengths, strict=True)])
        for _ in range(repetitions)
    ]
    classes = [score(root, split, exchanged(found, rng)) for _ in range(repetitions)]
    true = score(root, split, found)
    return {"average_map": true, "at_wrong_times": spread(wrong, true), "of_other_classes": spread(classes, true)}


def spread(scores: list[float], true: float) -> dict[str, float]:
    """Scores without information, and how many of them are at least as good as the true one."""
    return {
        "mean": statistics.fmean(scores),
        "standard_deviation": statistics.stdev(scores),
        "n": len(scores),
        "share_at_least_as_good": statistics.fmean(value >= true for value in scores),
    }


def constant(root: Dataset, split: str, every_s: int) -> float:
    """The score of a predictor that says the same of every moment, its detections `every_s` seconds apart."""
    store = root.store(["vtn"])

    def predictions(game: str) -> Events:
        at = [
            (half, label, position_ms)
            for half in HALVES
            for label in range(len(CLASSES))
            for position_ms in range(0, 1000 * store.length(game, half) // store.fps, 1000 * every_s)
        ]
        half, label, position_ms = np.array(at).T
        return Events(half, label, position_ms, confidence=np.full(len(at), 0.5), game=game)

    return score(root, split, [predictions(game) for game in root.games[split]])


def main() -> None:
    """Compare every seed of a row, on both scored splits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", type=Path, help="a row's folder of runs on mini")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repetitions", type=int, default=200)
    given = parser.parse_args()
    root = Dataset(cached_mini(), name="mini")
    record = {
        run.name: {split: compare(run, root, split, given.repetitions) for split in ("test", "challenge")}
        for run in sorted(given.row.glob("seed-*"))
    }
    constants = {split: {f"every {s} s": constant(root, split, s) for s in (10, 19)} for split in ("test", "challenge")}
    made = {"made_by": "benchmarks/leak_control.py", "repetitions": given.repetitions}
    write_json(given.out, {**made, "seeds": record, "constant_predictor": constants})
    for split, scores in constants.items():
        print(f"constant {split}: " + ", ".join(f"{name} {100 * score:.2f}" for name, score in scores.items()))
    for seed, splits in record.items():
        for split, found in splits.items():
            words = [f"{seed} {split}: {100 * found['average_map']:.2f}"]
            for name in ("at_wrong_times", "of_other_classes"):
                mean, deviation = (100 * found[name][key] for key in ("mean", "standard_deviation"))
                share = found[name]["share_at_least_as_good"]
                words.append(f"{name.replace('_', ' ')} {mean:.2f} ± {deviation:.2f}, as good in {share:.0%}")
            print("; ".join(words))


if __name__ == "__main__":
    main()
