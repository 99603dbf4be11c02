"""Average-AP for replay grounding: what each game contributes, and the score of many games.

Source: SoccerNet 0.2.0, Evaluation/ReplayGrounding.py (MIT), with its removed numpy alias restored.

Conventions
    detections    sorted into frames, two a second; of two in a frame the later counts (soccernet) or it is an error
    suppression   separate for each tolerance, the most confident first: under `soccernet` it drops detections from
                  delta_s frames before to delta_s - 1 after; under `strict` delta_s frames either side, the hit window
    hit           the most confident remaining detection within delta_s frames of the event
    average       trapezoid mean over the tolerances; a single tolerance is its own average
    vectors       3500 seconds under `soccernet`, a later time is an error; negative times count from the end
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from soccerbench.events import FPS, Annotations, Floats, Ints, Protocol, grounding_frames
from soccerbench.metrics.average_precision import GameCounts, average_precision, trapezoid_mean
from soccerbench.metrics.matching import batches, confidence_order, suppress
from soccerbench.metrics.replay_matching import Pair, Replay, pair_officially, pair_strictly
from soccerbench.metrics.statistics import GroundingStatistics, check_alike
from soccerbench.metrics.tolerances import check_protocol, check_strict_confidences, check_tolerances, confidence_levels

BATCH = 10_000_000  # detections times the frames they may suppress, in memory at once: a few hundred megabytes


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
    """Scores of many weightings of the same games.

    Args:
        statistics: one a game.
        weights: (R, G) how often each game counts in each resample.

    Returns:
        `average_ap` (R,) and `ap_per_tolerance` (R, D).
    """
    check_alike(statistics)
    protocol, deltas_s = statistics[0].protocol, statistics[0].deltas_s
    game = np.repeat(np.arange(len(statistics)), [len(one.level) for one in statistics])
    level, kept, hits = (
        np.concatenate([getattr(one, name) for one in statistics]) for name in ("level", "kept", "hits")
    )
    levels, place = np.unique(-level, return_inverse=True)
    shape, once = (max(1, len(levels)), 1, len(deltas_s), len(statistics)), np.ones(len(game))
    found, passed = (GameCounts(place, game, masks, once, shape).cumulative(weights)[:, 0] for masks in (hits, kept))
    events = np.broadcast_to(weights @ np.array([one.scored for one in statistics], dtype=float), found.shape[1:])
    precision = np.ascontiguousarray(average_precision(found, passed, events, protocol).T)
    return {"average_ap": trapezoid_mean(precision), "ap_per_tolerance": precision}


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
        raise ValueError(
            f"{len(annotations)} games of annotations, {len(replays)} of replays: the same games are needed"
        )
    if protocol == "soccernet" and deltas[0] < 1:
        raise ValueError(f"tolerance {deltas[0]} s: the official scorer never ends below one second")
    strictly = [pair_strictly(game, submitted) for game, submitted in zip(annotations, replays, strict=True)]
    pairs = strictly if protocol == "strict" else pair_officially(annotations, replays)
    missing = [sum(pair.replay is None for pair in game) for game in strictly]
    if protocol == "soccernet":
        for game in replays:
            for replay in game:
                grounding_frames(replay.time_s, protocol)  # it fails on replays that do not count too
    everything = [pair for game in pairs for pair in game]
    owner, level, kept, hits = _count_in_batches(everything, deltas, protocol)
    first_pair = np.cumsum([0, *(len(game) for game in pairs)])
    bounds = np.searchsorted(owner, first_pair)
    return [
        GroundingStatistics(protocol, deltas, level[rows], kept[rows], hits[rows], len(pairs[game]), missing[game])
        for game, rows in enumerate(slice(start, stop) for start, stop in pairwise(bounds))
    ]


def _count_in_batches(
    pairs: Sequence[Pair], deltas: tuple[float, ...], protocol: Protocol
) -> tuple[Ints, npt.NDArray[Any], Ints, Ints]:
    """`_count` in batches that limit memory."""
    window = 2 * int(min(deltas[-1], 7200)) + 1
    sizes = [0 if pair.replay is None else len(pair.replay.score) * window for pair in pairs]
    parts = [(batch.start, _count(pairs[batch], deltas, protocol)) for batch in batches(sizes, BATCH)]
    owner = np.concatenate([first + part[0] for first, part in parts])
    level, kept, hits = (np.concatenate([part[place] for _, part in parts]) for place in (1, 2, 3))
    return owner, level, kept, hits


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
        alive = suppress(place, rank, reach, protocol)
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
            raise ValueError("two detections of one replay in one frame (half a second): keep the more confident one")
        return owner, frame, score
    owner, frame, score = owner[last], frame[last], score[last]
    empty = np.zeros(len(pairs), dtype=bool)
    empty[owner[np.isnan(score)]] = True
    counted = (score >= 0) & ~empty[owner]
    return owner[counted], frame[counted], score[counted]
