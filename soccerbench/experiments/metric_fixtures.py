"""Metric fixtures: small games with committed scores, which detect any change of a metric.

`python -m soccerbench.experiments.metric_fixtures results/fixtures` draws the games from a seed and scores them. The
tests compare the `soccernet` scores with the official scorer.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import orjson

from soccerbench.errors import InputError
from soccerbench.events import Annotations, Events, Protocol, frames_of
from soccerbench.files import write_bytes
from soccerbench.metrics.grounding import GroundingScore, average_ap
from soccerbench.metrics.replay_matching import Replay
from soccerbench.metrics.spotting import SpottingScore, average_map
from soccerbench.metrics.tolerances import NAMED_S
from soccerbench.scoring.evaluate import number
from soccerbench.soccernet.classes import CLASSES

TOLERANCE = 1e-12
SEED = 0
GAMES = 2
EVENTS = 60
REPLAYS = 30
HALF_S = 600
TOLERANCES_S: dict[str, tuple[float, ...]] = {**NAMED_S, "5 s": (5,)}
_REMEDY = "restore it, or make it again with `python -m soccerbench.experiments.metric_fixtures results/fixtures`"


def draw_spotting(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Games of sixty events, each detected near its time or not at all, among sixty false detections."""
    games = []
    for _ in range(GAMES):
        half, label = rng.integers(1, 3, EVENTS), rng.integers(0, len(CLASSES), EVENTS)
        time_ms, visible = rng.integers(0, 1000 * HALF_S, EVENTS), rng.random(EVENTS) < 0.8
        found = rng.random(EVENTS) < 0.8
        near_ms = np.clip(time_ms + np.rint(rng.normal(scale=4000, size=EVENTS)).astype(np.int64), 0, 1000 * HALF_S)
        columns = {
            "half": np.concatenate([half[found], rng.integers(1, 3, EVENTS)]),
            "label": np.concatenate([label[found], rng.integers(0, len(CLASSES), EVENTS)]),
            "position_ms": np.concatenate([near_ms[found], rng.integers(0, 1000 * HALF_S, EVENTS)]),
            "confidence": np.concatenate([rng.beta(4, 2, found.sum()), rng.beta(2, 4, EVENTS)]),
        }
        frames = np.stack([columns["half"], columns["label"], frames_of(columns["position_ms"], "strict")])
        kept = np.sort(np.unique(frames, axis=1, return_index=True)[1])  # `strict` refuses two in one frame
        targets = {"half": half, "label": label, "position_ms": time_ms, "visible": visible}
        games.append({
            "targets": {name: values.tolist() for name, values in targets.items()},
            "detections": {name: values[kept].tolist() for name, values in columns.items()},
        })  # fmt: skip
    return games


def draw_grounding(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Games of thirty replays in the first half, nine in ten linked, and detected near their event and elsewhere."""
    games = []
    for _ in range(GAMES):
        end_s = np.sort(rng.choice(np.arange(60, HALF_S), REPLAYS, replace=False))
        event_s = end_s - rng.integers(10, 60, REPLAYS)
        replays = []
        for end, event in zip(end_s.tolist(), event_s.tolist(), strict=True):
            frames = np.unique(np.maximum([2 * event + rng.integers(-12, 13), *rng.integers(0, 2 * end, 3)], 0))
            scores = rng.random(len(frames))
            replays.append({"half": 1, "end_s": end, "time_s": (frames / 2).tolist(), "score": scores.tolist()})
        annotations = {
            "time_s": end_s,
            "replay": np.ones(REPLAYS, dtype=np.bool_),
            "linked": (rng.random(REPLAYS) < 0.9)
            & (np.arange(REPLAYS) > 0),  # the official scorer needs a first without
            "link_half": np.ones(REPLAYS, dtype=np.int64),
            "link_label": rng.integers(0, len(CLASSES), REPLAYS),
            "link_time_s": event_s,
        }
        games.append(
            {"annotations": {name: values.tolist() for name, values in annotations.items()}, "replays": replays}
        )
    return games


def score_spotting(games: Sequence[Mapping[str, Any]], deltas_s: Sequence[float], protocol: Protocol) -> SpottingScore:
    """The score of games as `draw_spotting` gives them."""
    targets, detections = ([Events(**game[kind]) for game in games] for kind in ("targets", "detections"))
    return average_map(targets=targets, detections=detections, deltas_s=deltas_s, protocol=protocol)


def score_grounding(
    games: Sequence[Mapping[str, Any]], deltas_s: Sequence[float], protocol: Protocol
) -> GroundingScore:
    """The score of games as `draw_grounding` gives them."""
    annotations = [Annotations(**game["annotations"]) for game in games]
    replays = [[Replay(**entry) for entry in game["replays"]] for game in games]
    return average_ap(annotations=annotations, replays=replays, deltas_s=deltas_s, protocol=protocol)


_TASKS: dict[str, tuple[Callable[[np.random.Generator], list[Any]], Callable[..., Any]]] = {
    "spotting": (draw_spotting, score_spotting),
    "grounding": (draw_grounding, score_grounding),
}


def scores(task: str, games: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """Every field of the score under every protocol and set of tolerances, by name; null for NaN."""
    found: dict[str, list[float | None]] = {}
    for protocol in get_args(Protocol):
        for tolerances, deltas_s in TOLERANCES_S.items():
            score = _TASKS[task][1](games, deltas_s, protocol)
            for field in dataclasses.fields(score):
                values = np.atleast_1d(np.asarray(getattr(score, field.name), dtype=np.float64)).tolist()
                found[f"{protocol}, {tolerances}: {field.name}"] = [number(value) for value in values]
    return found


def write_fixtures(folder: Path) -> None:
    """Draw the games of both tasks, score them and write a file each."""
    for task, (draw, _) in _TASKS.items():
        games = draw(np.random.default_rng(SEED))
        content = {"task": task, "seed": SEED, "games": games, "scores": scores(task, games)}
        write_bytes(folder / f"{task}.json", orjson.dumps(content) + b"\n")


def check_fixtures(folder: Path) -> tuple[int, list[str]]:
    """Count the committed numbers, and give one line for each field whose score has changed.

    Raises:
        InputError: a fixture that is missing or cannot be read.
    """
    count, wrong = 0, []
    for task in _TASKS:
        file = folder / f"{task}.json"
        try:
            content = orjson.loads(file.read_bytes())
            committed, games = content["scores"], content["games"]
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(file, f"is no fixture ({error})", _REMEDY) from None
        count += sum(map(len, committed.values()))
        try:
            measured = scores(task, games)
        except ValueError as error:
            wrong.append(f"{task}: refused today ({error})")
            continue
        for name in {**committed, **measured}:
            before, now = committed.get(name, []), measured.get(name, [])
            if len(before) != len(now) or any(map(_differ, before, now)):
                wrong.append(f"{task}, {name}: {_largest(before, now)}")
    return count, wrong


def _differ(before: float | None, now: float | None) -> bool:
    return (before is None) != (now is None) or abs((before or 0) - (now or 0)) > TOLERANCE


def _largest(before: Sequence[float | None], now: Sequence[float | None]) -> str:
    """Text about the pair that differs most."""
    if len(before) != len(now):
        return f"{len(before)} numbers committed, {len(now)} today"
    first, second = max(zip(before, now, strict=True), key=lambda pair: abs((pair[0] or 0) - (pair[1] or 0)))
    return f"{first} committed, {second} today"


if __name__ == "__main__":
    write_fixtures(Path(sys.argv[1]))
