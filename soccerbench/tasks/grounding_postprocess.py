"""Steps between a model's raw grounding detections and what is submitted: filtering, fusion, suppression.

Source: section 4.3.2 of the paper; choices that it leaves open are documented where they are made.

Conventions
    replay      its detections and its own start and end, in seconds of its half
    detections  sorted by time, at most one in each half second, none from second 3500 on, where official vectors end
    inputs      unchanged; every step gives new replays
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.events import FPS, GROUNDING_FRAMES, Events
from soccerbench.features.store import HALVES
from soccerbench.soccernet.classes import CLASS_INDEX
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import Replay
from soccerbench.specs.grounding import Filter, Fuse, Step, Suppress
from soccerbench.tasks.spotting_steps import keep_best

Floats = NDArray[np.float64]


def postprocess(step: Step, games: Sequence[GroundingPredictions], others: Sequence[Any]) -> list[GroundingPredictions]:
    """Apply one step of a row.

    Args:
        games: what there is before it.
        others: what the run that the step uses detected in the same games; empty if it uses none.
    """
    match step:
        case Filter():
            return each(games, partial(filter_before, before_s=step.before_s))
        case Fuse():
            return fuse_games(step, games, others)
        case Suppress():
            joined = [
                replace(game, replays=tuple(map(join, game.replays, other.replays)))
                for game, other in zip(scaled(games), scaled(others), strict=True)
            ]
            return each(joined, partial(suppress, window_s=step.window_s))


def each(
    games: Iterable[GroundingPredictions], step: Callable[[ReplayDetections], ReplayDetections]
) -> list[GroundingPredictions]:
    """One step on every replay of some games."""
    return [replace(game, replays=tuple(map(step, game.replays))) for game in games]


def detections_of(replay: Replay, time_s: Floats, score: Floats) -> ReplayDetections:
    """What a head found for a replay; what it found before the half is at its start."""
    return distinct(ReplayDetections(replay.half, replay.start_s, replay.end_s, np.maximum(time_s, 0), score))


def distinct(replay: ReplayDetections) -> ReplayDetections:
    """The most confident detection of each half second within the official vectors, by time; of equals the earliest."""
    frame = np.floor(FPS * replay.time_s).astype(np.int64)
    order = np.lexsort((replay.time_s, -replay.score))
    order = order[(frame[order] >= 0) & (frame[order] < GROUNDING_FRAMES)]
    _, first = np.unique(frame[order], return_index=True)
    return _chosen(replay, order[first])


def filter_before(replay: ReplayDetections, *, before_s: float) -> ReplayDetections:
    """Drop detections after the replay's end, or more than `before_s` seconds before it."""
    return _chosen(replay, (replay.time_s <= replay.end_s) & (replay.time_s >= replay.end_s - before_s))


def fuse(step: Fuse, replay: ReplayDetections, time_s: Floats, confidence: Floats) -> ReplayDetections:
    """Take the spotted events just before a replay.

    Of the spotted events in [start - window, start] the nearest to the start and the second nearest are taken, with
    their confidence times `nearest` and `second`, at most 1. They replace the detections in that window, are appended
    to all detections, or are the only ones; if nothing was spotted there, the detections stay. Of events equally near,
    the more confident comes first.

    Args:
        time_s: (N,) spotted events of the replay's half, of the labels and scores that count.
        confidence: (N,) theirs, in [0, 1].
    """
    first_s = replay.start_s - step.window_s
    inside = (time_s >= first_s) & (time_s <= replay.start_s)
    if not inside.any():
        return replay
    order = np.lexsort((-confidence[inside], replay.start_s - time_s[inside]))[:2]
    factors = np.array([step.nearest, step.second])[: len(order)]
    spotted_s, spotted = time_s[inside][order], confidence[inside][order] * factors
    outside = (replay.time_s < first_s) | (replay.time_s > replay.start_s)
    stays = {"replace": outside, "append": np.ones_like(outside), "only": np.zeros_like(outside)}[step.combine]
    return distinct(
        replace(
            replay,
            time_s=np.concatenate([replay.time_s[stays], spotted_s]),
            score=np.concatenate([replay.score[stays], np.minimum(spotted, 1)]),
        )
    )


def fuse_games(
    step: Fuse, games: Sequence[GroundingPredictions], spotted: Sequence[Events]
) -> list[GroundingPredictions]:
    """`fuse` every replay with the spotted events of its game and half; only higher confidences than `score` count."""
    labels, fused = [CLASS_INDEX[label] for label in step.labels], []
    for game, events in zip(games, spotted, strict=True):
        counted = np.isin(events.label, labels) & (events.confidences > step.score)
        columns = {
            half: (events.position_ms[chosen] / 1000, events.confidences[chosen])
            for half in HALVES
            for chosen in [counted & (events.half == half)]
        }
        fused.append(replace(game, replays=tuple(fuse(step, one, *columns[one.half]) for one in game.replays)))
    return fused


def scaled(games: Sequence[GroundingPredictions]) -> list[GroundingPredictions]:
    """All scores of one model scaled linearly, so that the lowest is 0 and the highest 1.

    Together over all games, so that its replays stay comparable; where all scores are equal they become 1.
    """
    scores = np.concatenate([np.empty(0), *(replay.score for game in games for replay in game.replays)])
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)

    def one(replay: ReplayDetections) -> ReplayDetections:
        score = (replay.score - low) / (high - low) if high > low else np.ones_like(replay.score)
        return replace(replay, score=score)

    return [replace(game, replays=tuple(map(one, game.replays))) for game in games]


def join(replay: ReplayDetections, other: ReplayDetections) -> ReplayDetections:
    """The detections of two models for the same replay."""
    if (replay.half, replay.start_s, replay.end_s) != (other.half, other.start_s, other.end_s):
        raise ValueError(f"a replay ending at {replay.end_s} s and one at {other.end_s} s: the same is needed")
    time_s, score = (np.concatenate([getattr(one, key) for one in (replay, other)]) for key in ("time_s", "score"))
    return distinct(replace(replay, time_s=time_s, score=score))


def suppress(replay: ReplayDetections, *, window_s: float) -> ReplayDetections:
    """Keep the most confident detection, drop others within half a window, edges included, repeat.

    Of detections of equal confidence the earliest is kept.
    """
    order, free = np.lexsort((replay.time_s, -replay.score)), np.ones(len(replay.time_s), dtype=np.bool_)
    kept = keep_best(order, free, lambda best: np.abs(replay.time_s - replay.time_s[best]) <= window_s / 2)
    return _chosen(replay, np.sort(kept))


def _chosen(replay: ReplayDetections, which: NDArray[np.bool_] | NDArray[np.int64]) -> ReplayDetections:
    return replace(replay, time_s=replay.time_s[which], score=replay.score[which])
