"""Replays and the events they show, as arcs of a timeline.

Conventions
    detection  the most confident of a replay's; of equally confident ones the first
    hit        within 2.5 s of the event that the replay shows
    early      before it, late after it, however far
    missed     no detection for the replay, or the replay was left out of the submission
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soccerbench.metrics.error_breakdown import WIDTH_S
from soccerbench.report.html.matches import match_name
from soccerbench.report.html.packing import POSITION, SHARE, SMALL, pack
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Replay

GROUNDED = ("hit", "early", "late", "missed")


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
        columns = {name: np.array([row[name] for row in rows]) for name in _KINDS}
        np.add.at(counts, columns["outcome"].astype(int), 1)
        arcs = pack({name: (kind, columns[name]) for name, kind in _KINDS.items()})
        games.append({"name": match_name(game.game), "folder": game.game, "arcs": arcs, "count": len(rows)})
    return games, counts.tolist()


_KINDS = {
    "start": POSITION, "end": POSITION, "event": POSITION, "detected": POSITION, "score": SHARE,
    "half": SMALL, "label": SMALL, "outcome": SMALL,
}  # fmt: skip


def _row(replay: Replay, submitted: ReplayDetections | None) -> dict[str, float]:
    """One arc: milliseconds; without a detection `detected` is 0 and the outcome "missed"."""
    assert replay.link is not None
    event_s = replay.link.second
    row: dict[str, float] = {
        "start": replay.start_ms,
        "end": replay.end_ms,
        "event": 1000 * event_s,
        "half": replay.half,
    }
    row |= {"label": replay.link.label, "detected": 0, "score": 0.0, "outcome": GROUNDED.index("missed")}
    if submitted is None or not len(submitted.score):
        return row
    best = int(np.argmax(submitted.score))
    offset_s = float(submitted.time_s[best]) - event_s
    outcome = "hit" if abs(offset_s) <= WIDTH_S / 2 else "early" if offset_s < 0 else "late"
    row |= {"detected": int(max(1000 * submitted.time_s[best], 0)), "score": float(submitted.score[best])}
    return {**row, "outcome": GROUNDED.index(outcome)}
