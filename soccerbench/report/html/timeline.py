"""Timelines: the events of each game above, the detections below, and their outcomes.

Conventions
    shown      the detections that the breakdown counts, and of each class up to `times` as many; how many were left out
               is part of the data, so that the page can report it
    uncounted  a detection that is shown but not counted; not an outcome of `error_breakdown`
    order      by half and time
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soccerbench.events import Events
from soccerbench.metrics.error_breakdown import CONFUSED, DETECTED, HAPPENED, most_confident, outcomes
from soccerbench.report.html.matches import match_name
from soccerbench.report.html.packing import POSITION, SHARE, SMALL, pack
from soccerbench.report.html.replay_arcs import grounded_games
from soccerbench.soccernet.classes import CLASSES

UNCOUNTED = len(DETECTED)
DETECTIONS_IN_A_PAGE = 250_000
MOST_TIMES = 3
CONFUSIONS_SHOWN = 12


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
