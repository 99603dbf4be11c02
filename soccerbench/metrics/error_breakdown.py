"""Error breakdown: every detection and event of a game is a hit, near miss, confusion, false detection or miss.

Average-mAP uses detections of every confidence; a breakdown needs a threshold. `most_confident` counts as many
detections of each class as the class has events in the split: then precision equals recall, and wrong detections
balance missed events.

Conventions
    width     5 s, the full width of the tolerance window: "at" an event is within 2.5 s of it, counted in half-second
              frames as the scorer does
    near      within 30 s, half the widest loose window, of an event of its own class and half
    hit       took an event as the scorer pairs them: events choose in time order, each the most confident left at it
    early     no hit; near an event that nobody hit, and before it (the nearest such event counts)
    late      the same, after it
    duplicate neither; near an event of its class, all of which are hit by others
    confused  none of these; at an event of another class (the nearest)
    false     none of the above
    missed    an event to which no detection is assigned; an event without a hit gets the outcome of the most confident
              detection assigned to it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soccerbench.events import FPS, SPOTTING_FRAMES, Bools, Events, Ints, frames_of
from soccerbench.metrics.matching import greedy_hits

DETECTED = ("hit", "early", "late", "duplicate", "confused", "false")
HAPPENED = ("hit", "early", "late", "confused", "missed")
HIT, EARLY, LATE, DUPLICATE, CONFUSED, FALSE = range(len(DETECTED))
EVENT_OUTCOME = {HIT: 0, EARLY: 1, LATE: 2, CONFUSED: 3}
MISSED = HAPPENED.index("missed")
WIDTH_S = 5
NEAR_S = 30


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcomes of one game.

    Args:
        detection: (P,) index into `DETECTED`.
        event: (T,) index into `HAPPENED`.
        confused_with: (P,) label of the event at a confused detection; -1 for all others.
    """

    detection: Ints
    event: Ints
    confused_with: Ints


def most_confident(events_per_class: Ints, detections: Sequence[Events], *, times: int = 1) -> list[Bools]:
    """Which detections count: of each class the most confident of all games, `times` as many as it has events.

    Args:
        events_per_class: (C,) events of the split.
        detections: one a game, with confidences; ties go to the earlier game and row.
        times: 1 for those that the breakdown counts.

    Returns:
        (P,) for each game.
    """
    label = np.concatenate([game.label for game in detections])
    confidence = np.concatenate([game.confidences for game in detections])
    kept = np.zeros(len(label), dtype=np.bool_)
    for name, count in enumerate(events_per_class.tolist()):
        members = np.flatnonzero(label == name)
        kept[members[np.argsort(-confidence[members], kind="stable")[: times * count]]] = True
    bounds = np.cumsum([len(game) for game in detections])[:-1]
    return np.split(kept, bounds)


def outcomes(*, targets: Events, detections: Events) -> Outcomes:
    """Classify the events and the counted detections of one game.

    Args:
        targets: its events, any order.
        detections: those that count, with confidences, any order.
    """
    event_frame = frames_of(targets.position_ms, "soccernet")
    frame = frames_of(detections.position_ms, "soccernet")
    confidence = detections.confidences
    offset = frame[:, None] - event_frame  # (P, T), frames after the event
    same_half = detections.half[:, None] == targets.half
    same = same_half & (detections.label[:, None] == targets.label)
    at, near = np.abs(offset) <= WIDTH_S * FPS / 2, np.abs(offset) <= NEAR_S * FPS

    taken = _hits(targets, detections, event_frame, frame)
    detection, with_other = np.full(len(frame), FALSE), np.full(len(frame), -1)
    event = np.full(len(event_frame), MISSED)
    hit = taken >= 0
    detection[taken[hit]], event[hit] = HIT, EVENT_OUTCOME[HIT]
    for place in np.argsort(-confidence, kind="stable"):
        if detection[place] == HIT:
            continue
        own, free = same[place] & near[place], same[place] & near[place] & ~hit
        others = same_half[place] & at[place] & ~same[place]
        if own.any() and not free.any():
            detection[place] = DUPLICATE
        elif free.any() or others.any():
            wanted = np.flatnonzero(free if free.any() else others)
            chosen = wanted[np.argmin(np.abs(offset[place, wanted]))]
            detection[place] = (EARLY if offset[place, chosen] < 0 else LATE) if free.any() else CONFUSED
            with_other[place] = -1 if free.any() else targets.label[chosen]
            if event[chosen] == MISSED:
                event[chosen] = EVENT_OUTCOME[detection[place]]
    return Outcomes(detection, event, with_other)


def _hits(targets: Events, detections: Events, event_frame: Ints, frame: Ints) -> Ints:
    """The detection that each event takes, as the scorer pairs them, -1 for none; (T,)."""
    stride = 2 * SPOTTING_FRAMES
    label = 2 * targets.label + targets.half, 2 * detections.label + detections.half
    places = label[0] * stride + event_frame, label[1] * stride + frame
    order = [np.argsort(place, kind="stable") for place in places]
    owner, found, _ = greedy_hits(
        places[0][order[0]], places[1][order[1]], detections.confidences[order[1]], [WIDTH_S * FPS // 2]
    )
    taken = np.full(len(event_frame), -1)
    taken[order[0][owner]] = order[1][found]
    return taken
