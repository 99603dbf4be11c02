"""Average-AP for replay grounding.

Source: SoccerNet 0.2.0, Evaluation/ReplayGrounding.py (MIT), with its removed numpy alias restored.

Conventions
    detections    sorted into frames, two a second; of two in a frame the later counts (soccernet) or it is an error
    suppression   for each tolerance anew, the surest first: under `soccernet` it drops what lies from delta_s frames
                  before to one less behind; under `strict` delta_s frames either side, the hit window
    hit           the surest remaining detection within delta_s frames of the event
    average       trapezoid mean over the tolerances; a single tolerance is its own average
    vectors       3500 seconds under `soccernet`, which is an error past them; negative times count from their end
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.metrics.events import (
    FPS,
    Bools,
    Floats,
    Ints,
    Protocol,
    check_protocol,
    check_strict_confidences,
    check_tolerances,
    confidence_levels,
)
from soccerbench.metrics.frames import grounding_frames
from soccerbench.metrics.matching import confidence_order, ranges
from soccerbench.metrics.pairing import Annotations, Pair, Replay, pair_officially, pair_strictly
from soccerbench.metrics.precision import average_precision, trapezoid_mean


@dataclass(frozen=True, eq=False)
class GroundingStatistics:
    """Sufficient statistics of one game.

    Attributes:
        protocol: "soccernet" or "strict".
        deltas_s: (D,) tolerances in seconds.
        level: (R,) highest of the 200 thresholds reached (soccernet), or the confidence itself (strict).
        kept, hits: (R,) masks, bit d for deltas_s[d]: where the detection survives suppression, where it is a hit.
        scored: events that count.
        missing: labelled replays that the submission leaves out.
    """

    protocol: Protocol
    deltas_s: tuple[float, ...]
    level: npt.NDArray[Any]
    kept: Ints
    hits: Ints
    scored: int
    missing: int

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, from which `from_json` makes an equal object."""
        columns = {name: getattr(self, name).tolist() for name in ("level", "kept", "hits")}
        kind = {"protocol": self.protocol, "deltas_s": list(self.deltas_s)}
        return {**kind, **columns, "scored": self.scored, "missing": self.missing}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> GroundingStatistics:
        """The statistics that `to_json` wrote."""
        protocol = value["protocol"]
        check_protocol(protocol)
        return cls(
            protocol=protocol,
            deltas_s=check_tolerances(value["deltas_s"]),
            level=np.asarray(value["level"], dtype=np.int64 if protocol == "soccernet" else np.float64),
            kept=np.asarray(value["kept"], dtype=np.int64),
            hits=np.asarray(value["hits"], dtype=np.int64),
            scored=int(value["scored"]),
            missing=int(value["missing"]),
        )


@dataclass(frozen=True, eq=False)
class GroundingScore:
    """Fractions in [0, 1], NaN where no replay counts; `ap_per_tolerance` is (D,)."""

    average_ap: float
    ap_per_tolerance: Floats
    replays_scored: int
    replays_missing: int


def average_ap(
    *,
    annotations: Sequence[Annotations],
    replays: Sequence[Sequence[Replay]],
    deltas_s: Sequence[float],
    protocol: Protocol = "soccernet",
) -> GroundingScore:
    """Score the replays of some games; the arguments are those of `grounding_statistics`."""
    return grounding_score(
        grounding_statistics(annotations=annotations, replays=replays, deltas_s=deltas_s, protocol=protocol)
    )


def grounding_statistics(
    *,
    annotations: Sequence[Annotations],
    replays: Sequence[Sequence[Replay]],
    deltas_s: Sequence[float],
    protocol: Protocol = "soccernet",
) -> list[GroundingStatistics]:
    """Count what each game contributes.

    Args:
        annotations: one a game, games in the order of the split (which matters, see `pairing`).
        replays: the submission's, one sequence a game, in the same order.
        deltas_s: (D,) window widths in seconds, increasing.
        protocol: under `soccernet` only replays that pair with an event count; scores below 0 are no detections, and
            a score that is not a number empties its replay. Under `strict` every labelled replay counts, and a score
            outside [0, 1] is an error.

    Returns:
        One a game, in order.

    Raises:
        ValueError: a time outside of the official vectors (soccernet) or before the half (strict), a tolerance
            under one second (soccernet, whose suppression never ends there), and what `pairing` cannot pair.
    """
    check_protocol(protocol)
    deltas = check_tolerances(deltas_s)
    if len(annotations) != len(replays):
        raise ValueError(f"{len(annotations)} games of annotations, {len(replays)} of replays: the same are needed")
    if protocol == "soccernet" and deltas[0] < 1:
        raise ValueError(f"tolerance {deltas[0]} s: the official scorer never ends below one second")
    strictly = [pair_strictly(game, submitted) for game, submitted in zip(annotations, replays, strict=True)]
    pairs = strictly if protocol == "strict" else pair_officially(annotations, replays)
    missing = [sum(pair.replay is None for pair in game) for game in strictly]
    if protocol == "soccernet":
        for game in replays:
            for replay in game:
                grounding_frames(replay.time_s, protocol)  # it fails on replays that do not count too
    owner, level, kept, hits = _count([pair for game in pairs for pair in game], deltas, protocol)
    first_pair = np.cumsum([0, *(len(game) for game in pairs)])
    bounds = np.searchsorted(owner, first_pair)
    return [
        GroundingStatistics(protocol, deltas, level[rows], kept[rows], hits[rows], len(pairs[game]), missing[game])
        for game, rows in enumerate(slice(start, stop) for start, stop in pairwise(bounds))
    ]


def grounding_score(statistics: Sequence[GroundingStatistics]) -> GroundingScore:
    """The score of these games together.

    Raises:
        ValueError: no game, games counted differently, or (soccernet) no replay that counts: the official scorer fails.
    """
    scores = resampled_grounding_scores(statistics, np.ones((1, len(statistics))))
    scored = sum(game.scored for game in statistics)
    if statistics[0].protocol == "soccernet" and not scored:
        raise ValueError("no replay of the submission ends where a labelled one does: the official scorer fails")
    missing = sum(game.missing for game in statistics)
    return GroundingScore(float(scores["average_ap"][0]), scores["ap_per_tolerance"][0], scored, missing)


def resampled_grounding_scores(statistics: Sequence[GroundingStatistics], weights: Floats) -> dict[str, Floats]:
    """The scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample.

    Returns:
        `average_ap` (R,) and `ap_per_tolerance` (R, D).
    """
    kinds = {(game.protocol, game.deltas_s) for game in statistics}
    if len(kinds) != 1:
        raise ValueError(f"games counted alike are needed, found {sorted(kinds) or 'no game'}")
    ((protocol, deltas_s),) = kinds
    game = np.repeat(np.arange(len(statistics)), [len(one.level) for one in statistics])
    level, kept, hits = (
        np.concatenate([getattr(one, name) for one in statistics]) for name in ("level", "kept", "hits")
    )
    levels, column = np.unique(-level, return_inverse=True)  # from the surest down
    cell = game * len(levels) + column

    def resampled(members: Ints) -> Floats:
        """The (R, L) counts of the detections that are `members`."""
        cells = np.bincount(cell, weights=members, minlength=len(statistics) * len(levels))
        return weights @ cells.reshape(len(statistics), len(levels))

    events = weights @ np.array([one.scored for one in statistics], dtype=float)
    precision = np.stack(
        [
            average_precision(resampled(hits >> place & 1), resampled(kept >> place & 1), events, protocol)
            for place in range(len(deltas_s))
        ],
        axis=1,
    )
    return {"average_ap": trapezoid_mean(precision), "ap_per_tolerance": precision}


def _count(
    pairs: Sequence[Pair], deltas: tuple[float, ...], protocol: Protocol
) -> tuple[Ints, npt.NDArray[Any], Ints, Ints]:
    """Pair, level, `kept` and `hits` of every detection that survives some tolerance, sorted by pair and time."""
    event = FPS * np.array([pair.event_s for pair in pairs], dtype=np.int64)
    event = grounding_frames(event / FPS, protocol)
    owner, frame, score = _detections(pairs, protocol)
    stride = 4 * (int(max(event.max(initial=0), frame.max(initial=0))) + 1)
    place = owner * stride + frame
    order, rank = confidence_order(score)
    kept, hits = np.zeros_like(owner), np.zeros_like(owner)
    for bit, delta in enumerate(deltas):
        reach = min(delta, stride // 4)
        alive = _suppress(place, rank, reach, protocol)
        kept |= alive.astype(np.int64) << bit
        near = np.flatnonzero(alive & (np.abs(frame - event[owner]) <= reach))
        best = np.full(len(pairs), len(order))
        np.minimum.at(best, owner[near], rank[near])
        hits[order[best[best < len(order)]]] |= 1 << bit
    some = kept > 0
    return owner[some], confidence_levels(score[some], protocol), kept[some], hits[some]


def _detections(pairs: Sequence[Pair], protocol: Protocol) -> tuple[Ints, Ints, Floats]:
    """Pair, frame and score of every detection, sorted, one a frame."""
    replays = [pair.replay for pair in pairs]
    owner = np.repeat(np.arange(len(pairs)), [0 if replay is None else len(replay.score) for replay in replays])
    given = [replay for replay in replays if replay is not None]
    frame = grounding_frames(np.concatenate([np.empty(0), *(replay.time_s for replay in given)]), protocol)
    score = np.concatenate([np.empty(0), *(replay.score for replay in given)])
    order = np.lexsort((frame, owner))  # stable: in the order of the file otherwise
    owner, frame, score = owner[order], frame[order], score[order]
    last = np.ones(len(owner), dtype=bool)
    last[:-1] = (owner[1:] != owner[:-1]) | (frame[1:] != frame[:-1])
    if protocol == "strict":
        check_strict_confidences(score)
        if not last.all():
            raise ValueError("two detections of one replay in one frame (half a second): keep the surer")
        return owner, frame, score
    owner, frame, score = owner[last], frame[last], score[last]
    empty = np.zeros(len(pairs), dtype=bool)
    empty[owner[np.isnan(score)]] = True
    counted = (score >= 0) & ~empty[owner]
    return owner[counted], frame[counted], score[counted]


def _suppress(place: Ints, rank: Ints, reach: float, protocol: Protocol) -> Bools:
    """Which detections remain when each, the surest first, drops the weaker ones around it.

    All detections that nothing surer and undecided could drop are decided at once, until none is undecided.
    """
    before, behind = math.ceil(reach), math.floor(reach) - (protocol == "soccernet")
    if protocol == "strict":
        before = behind
    kept, undecided = np.zeros(len(place), dtype=bool), np.ones(len(place), dtype=bool)
    rivals = np.searchsorted(place, place - behind), np.searchsorted(place, place + before, side="right")
    victims = np.searchsorted(place, place - before), np.searchsorted(place, place + behind, side="right")
    while undecided.any():
        open_ = np.flatnonzero(undecided)
        members, begin = ranges(rivals[0][open_], rivals[1][open_])
        surest = np.minimum.reduceat(np.where(undecided[members], rank[members], len(rank)), begin)
        chosen = open_[surest == rank[open_]]
        kept[chosen] = True
        members, _ = ranges(victims[0][chosen], victims[1][chosen])
        dropping = np.repeat(rank[chosen], victims[1][chosen] - victims[0][chosen])
        undecided[members[rank[members] >= dropping]] = False  # surer ones stand: the window is lopsided
    return kept
