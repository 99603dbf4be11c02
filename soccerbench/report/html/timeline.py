"""Timelines: what happened in each game above, what was detected below, and what became of it.

Conventions
    shown     the detections that the breakdown counts, and of each class up to `times` as many; how many were left out
              is part of the data, so that the page can say it
    unsure    a detection that is shown but does not count, beside the outcomes of `errors`
    order     by half and time
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soccerbench.events import Events
from soccerbench.metrics.error_breakdown import CONFUSED, DETECTED, HAPPENED, most_confident, outcomes
from soccerbench.report.html.packing import POSITION, SHARE, SMALL, pack
from soccerbench.soccernet.classes import CLASSES

UNSURE = len(DETECTED)
DETECTIONS_IN_A_PAGE = 250_000
MOST_TIMES = 3
COMMONEST = 12


@dataclass(frozen=True)
class SpottedSplit:
    """The games of one split: what happened, and what was detected, as data of the page.

    Args:
        games: name and events of each game, the same for all entries.
        detected: per game, what one entry detected in it.
        breakdown: outcomes by class, and the commonest confusions.
        omitted: detections that the timelines do not show.
    """

    games: list[dict[str, Any]]
    detected: list[dict[str, Any]]
    breakdown: dict[str, Any]
    omitted: int


def times_that_fit(events: int) -> int:
    """How many times as many detections as events are shown, for that many events over all entries."""
    return max(1, min(MOST_TIMES, DETECTIONS_IN_A_PAGE // max(1, events)))


def spotted_split(labels: Sequence[Events], predictions: Sequence[Events], *, times: int) -> SpottedSplit:
    """Break down and pack the games of a split.

    Args:
        labels: one a game.
        predictions: one a game, in the same order.
        times: how many times as many detections as events are shown.
    """
    events = sum((np.bincount(game.label, minlength=len(CLASSES)) for game in labels), np.zeros(len(CLASSES), int))
    counted, shown = most_confident(events, predictions), most_confident(events, predictions, times=times)
    games, detected = [], []
    by_class = np.zeros((len(CLASSES), len(DETECTED)), dtype=np.int64)
    happened = np.zeros((len(CLASSES), len(HAPPENED)), dtype=np.int64)
    confusions = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)  # detected, happened
    for target, detection, counts, visible in zip(labels, predictions, counted, shown, strict=True):
        sure = detection.take(counts)
        found = outcomes(targets=target, detections=sure)
        np.add.at(by_class, (sure.label, found.detection), 1)
        np.add.at(happened, (target.label, found.event), 1)
        confused = found.detection == CONFUSED
        np.add.at(confusions, (sure.label[confused], found.confused_with[confused]), 1)
        outcome = np.full(len(detection), UNSURE)
        outcome[counts] = found.detection
        games.append({"name": target.game, "events": _packed_events(target), "count": len(target)})
        detected.append({
            "detections": _packed_detections(detection.take(visible), outcome[visible]),
            "count": int(visible.sum()),
            "happened": pack({"outcome": (SMALL, found.event[_order(target)])}),
        })  # fmt: skip
    omitted = sum(map(len, predictions)) - sum(int(kept.sum()) for kept in shown)
    breakdown = {"detected": by_class.tolist(), "happened": happened.tolist(), "confusions": _commonest(confusions)}
    return SpottedSplit(games, detected, breakdown, omitted)


def _commonest(confusions: Any) -> list[list[int]]:
    """[detected, happened, count] of the commonest confusions."""
    order = np.argsort(-confusions, axis=None, kind="stable")[:COMMONEST]
    pairs = zip(*np.unravel_index(order, confusions.shape), strict=True)
    return [[int(one), int(other), int(confusions[one, other])] for one, other in pairs if confusions[one, other]]


def _order(events: Events) -> Any:
    return np.lexsort((events.position_ms, events.half))


def _packed_events(events: Events) -> str:
    order = _order(events)
    return pack({
        "position": (POSITION, np.maximum(events.position_ms[order], 0)),
        "half": (SMALL, events.half[order]),
        "label": (SMALL, events.label[order]),
        "visible": (SMALL, events.shown[order]),
    })  # fmt: skip


def _packed_detections(events: Events, outcome: Any) -> str:
    order = _order(events)
    return pack({
        "position": (POSITION, np.maximum(events.position_ms[order], 0)),
        "confidence": (SHARE, np.nan_to_num(events.confidences[order])),
        "half": (SMALL, events.half[order]),
        "label": (SMALL, events.label[order]),
        "outcome": (SMALL, outcome[order]),
    })  # fmt: skip
