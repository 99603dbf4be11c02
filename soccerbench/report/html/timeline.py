"""Timelines: the events of each game above, the detections below, and their outcomes; or replays, as arcs to events.

Conventions
    shown      the detections that the breakdown counts, and of each class up to `times` as many; how many were left out
               is part of the data, so that the page can report it
    uncounted  a detection that is shown but not counted; not an outcome of `error_breakdown`
    order      by half and time
    arc        from a replay to the event that it shows, with the most confident detection, the first of equals
    hit        of an arc: within 2.5 s of that event; early and late before and after it, however far
    missed     no detection for the replay, or the replay was left out of the submission
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soccerbench.events import Events
from soccerbench.metrics.error_breakdown import CONFUSED, DETECTED, HAPPENED, WIDTH_S, most_confident, outcomes
from soccerbench.report.html.matches import match_name
from soccerbench.report.html.packing import POSITION, SHARE, SMALL, pack
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Replay

UNCOUNTED = len(DETECTED)
GROUNDED = ("hit", "early", "late", "missed")
DETECTIONS_IN_A_PAGE = 250_000
MOST_TIMES = 3
CONFUSIONS_SHOWN = 12
_ARC = {
    "start": POSITION, "end": POSITION, "event": POSITION, "detected": POSITION, "score": SHARE,
    "half": SMALL, "label": SMALL, "outcome": SMALL,
}  # fmt: skip


def times_that_fit(events: int) -> int:
    """How many times as many detections as events are shown, for that many events over all entries."""
    return max(1, min(MOST_TIMES, DETECTIONS_IN_A_PAGE // max(1, events)))


def timelines(
    task: str,
    labels: Sequence[Any],
    predictions: Sequence[Any],
    games: dict[str, Any],
    *,
    name: str,
    times: int,
    classes: int = len(CLASSES),
) -> dict[str, Any]:
    """The timelines of one entry on a split, with outcomes by class and the most frequent confusions.

    Args:
        labels: one a game: events, or for grounding replays.
        predictions: one a game, in the same order.
        games: of the page; name and events of each game are put there, where they are not yet.
        times: how many times as many detections as events are shown.
    """
    if task == "grounding":
        arcs, counts = grounded_games(labels, predictions)
        return {"arcs": arcs, "grounded": counts}
    happened, data = _spotted(labels, predictions, times, classes)
    games.setdefault(name, happened)
    return {"games": name, **data, "times": times}


def _spotted(
    labels: Sequence[Events], predictions: Sequence[Events], times: int, classes: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events of each game, the same for all entries; what one entry detected, and its breakdown."""
    events = sum((np.bincount(game.label, minlength=classes) for game in labels), np.zeros(classes, int))
    counted, masks = most_confident(events, predictions), most_confident(events, predictions, times=times)
    games, detected = [], []
    by_class = np.zeros((classes, len(DETECTED)), dtype=np.int64)
    happened = np.zeros((classes, len(HAPPENED)), dtype=np.int64)
    confusions = np.zeros((classes, classes), dtype=np.int64)  # detected, happened
    for target, detection, counts, visible in zip(labels, predictions, counted, masks, strict=True):
        kept = detection.take(counts)
        found = outcomes(targets=target, detections=kept)
        np.add.at(by_class, (kept.label, found.detection), 1)
        np.add.at(happened, (target.label, found.event), 1)
        confused = found.detection == CONFUSED
        np.add.at(confusions, (kept.label[confused], found.confused_with[confused]), 1)
        outcome = np.full(len(detection), UNCOUNTED)
        outcome[counts] = found.detection
        game = {"name": match_name(target.game), "folder": target.game}
        games.append({**game, "events": _packed(target, visible=target.shown), "count": len(target)})
        shown = detection.take(visible)
        detected.append({
            "detections": _packed(shown, shown.confidences, outcome=outcome[visible]),
            "count": int(visible.sum()),
            "happened": pack({"outcome": (SMALL, found.event[_order(target)])}),
        })  # fmt: skip
    omitted = sum(map(len, predictions)) - sum(int(mask.sum()) for mask in masks)
    breakdown = {"detected": by_class.tolist(), "happened": happened.tolist(), "confusions": _most_frequent(confusions)}
    return games, {"detected": detected, "breakdown": breakdown, "omitted": omitted}


def _most_frequent(confusions: Any) -> list[list[int]]:
    """[detected, happened, count] of the most frequent confusions."""
    order = np.argsort(-confusions, axis=None, kind="stable")[:CONFUSIONS_SHOWN]
    pairs = zip(*np.unravel_index(order, confusions.shape), strict=True)
    return [[int(one), int(other), int(confusions[one, other])] for one, other in pairs if confusions[one, other]]


def _order(events: Events) -> Any:
    return np.lexsort((events.position_ms, events.half))


def _packed(events: Events, confidence: Any = None, **last: Any) -> str:
    order = _order(events)
    shares = {} if confidence is None else {"confidence": (SHARE, np.nan_to_num(confidence))}
    small = {"half": events.half, "label": events.label} | last
    columns = {"position": (POSITION, np.maximum(events.position_ms, 0)), **shares}
    columns |= {name: (SMALL, values) for name, values in small.items()}
    return pack({name: (kind, values[order]) for name, (kind, values) in columns.items()})


def grounded_games(
    labels: Sequence[GameReplays], predictions: Sequence[GroundingPredictions]
) -> tuple[list[dict[str, Any]], list[int]]:
    """The arcs of each game as data of the page, and how many replays have each outcome of `GROUNDED`.

    Replays without a link, or with one into the other half, are not drawn.
    """
    games, counts = [], np.zeros(len(GROUNDED), dtype=np.int64)
    for game, predicted in zip(labels, predictions, strict=True):
        submitted = {(replay.half, replay.end_s): replay for replay in reversed(predicted.replays)}
        rows = [_row(replay, submitted.get((replay.half, replay.end_s))) for replay in game.replays if replay.same_half]
        rows.sort(key=lambda row: (row["half"], row["start"]))
        columns = {name: np.array([row[name] for row in rows]) for name in _ARC}
        np.add.at(counts, columns["outcome"].astype(int), 1)
        arcs = pack({name: (kind, columns[name]) for name, kind in _ARC.items()})
        games.append({"name": match_name(game.game), "folder": game.game, "arcs": arcs, "count": len(rows)})
    return games, counts.tolist()


def _row(replay: Replay, submitted: ReplayDetections | None) -> dict[str, float]:
    """One arc: milliseconds; without a detection `detected` is 0 and the outcome "missed"."""
    assert replay.link is not None
    event_s = replay.link.second
    row: dict[str, float] = {"start": replay.start_ms, "end": replay.end_ms, "event": 1000 * event_s}
    row |= {"half": replay.half, "label": replay.link.label}
    row |= {"detected": 0, "score": 0.0, "outcome": GROUNDED.index("missed")}
    if submitted is None or not len(submitted.score):
        return row
    best = int(np.argmax(submitted.score))
    offset_s = float(submitted.time_s[best]) - event_s
    outcome = "hit" if abs(offset_s) <= WIDTH_S / 2 else "early" if offset_s < 0 else "late"
    row |= {"detected": int(max(1000 * submitted.time_s[best], 0)), "score": float(submitted.score[best])}
    return {**row, "outcome": GROUNDED.index(outcome)}
