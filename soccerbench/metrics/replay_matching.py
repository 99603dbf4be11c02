"""Which labelled event each submitted replay is to be grounded to.

Source: SoccerNet 0.2.0, Evaluation/ReplayGrounding.py (MIT), with its removed numpy alias restored.

A replay of the submission is known by its half and the second it ends in; an annotation ends the shot it describes.

Conventions
    soccernet  the first annotation of that second whose link names that half and a known class, unless the second is
               that of the last annotation remembered. Remembered is the last one skipped because it has no link,
               or one to another half or an unknown class. It carries over between replays and games, so games are
               paired in the order of the split, and replays in the order of the file.
    strict     every annotation marked as a replay with a link to a known class is an event to ground; it takes the
               first replay of its half and second that no earlier annotation took, or none
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soccerbench.events import Annotations, Floats, column


@dataclass(frozen=True, eq=False)
class Replay:
    """One replay of a submission and where its event was detected.

    Attributes:
        half: the half of the replayed event.
        end_s: second of the half in which the replay ends.
        time_s: (N,) detections, seconds from the start of the half, in the order of the file.
        score: (N,) confidences.
    """

    half: int
    end_s: int
    time_s: Floats
    score: Floats

    def __post_init__(self) -> None:
        for name in ("time_s", "score"):
            object.__setattr__(self, name, column(getattr(self, name), np.float64))
        if len(self.score) != len(self.time_s):
            raise ValueError(f"{len(self.score)} scores for {len(self.time_s)} detections: one each is needed")


@dataclass(frozen=True, eq=False)
class Pair:
    """An event to ground, and the submission's replay for it, None where it was left out."""

    event_s: int
    replay: Replay | None


def pair_strictly(annotations: Annotations, replays: Sequence[Replay]) -> list[Pair]:
    """Pair the events of one game by the strict rule, in the order of the annotations."""
    waiting: dict[tuple[int, int], list[Replay]] = defaultdict(list)
    for replay in reversed(replays):
        waiting[replay.half, replay.end_s].append(replay)
    pairs = []
    for index in np.flatnonzero(annotations.replay & annotations.known()):
        candidates = waiting[int(annotations.link_half[index]), int(annotations.time_s[index])]
        pairs.append(Pair(int(annotations.link_time_s[index]), candidates.pop() if candidates else None))
    return pairs


def pair_officially(annotations: Sequence[Annotations], replays: Sequence[Sequence[Replay]]) -> list[list[Pair]]:
    """Pair the events of all games, in the order of the split, by the official rule.

    Raises:
        ValueError: the first annotation that is looked at could be an event, which the official scorer fails on.
    """
    remembered: int | None = None
    pairs: list[list[Pair]] = []
    for game, submitted in zip(annotations, replays, strict=True):
        pairs.append([])
        halves = {half: _Candidates(game, half) for half in {replay.half for replay in submitted}}
        for replay in submitted:
            found, remembered = halves[replay.half].pick(replay.end_s, remembered)
            if found is not None:
                pairs[-1].append(Pair(int(game.link_time_s[found]), replay))
    return pairs


class _Candidates:
    """Candidate annotations for the replays of one half, indexed so that a look-up does not scan all annotations.

    Attributes:
        leading: candidates before any annotation is skipped: they depend on what was remembered earlier.
        first: second -> (candidate, what is remembered there) for the first that may be taken among the others.
        last: what is remembered after a scan of all annotations; None if that changes nothing.
    """

    def __init__(self, annotations: Annotations, half: int) -> None:
        candidate = annotations.known() & (annotations.link_half == half)
        self.leading: list[tuple[int, int]] = []
        self.first: dict[int, tuple[int, int]] = {}
        self.last: int | None = None
        for index, (second, possible) in enumerate(zip(annotations.time_s.tolist(), candidate.tolist(), strict=True)):
            if not possible:
                self.last = second
            elif self.last is None:
                self.leading.append((index, second))
            elif second != self.last:
                self.first.setdefault(second, (index, self.last))

    def pick(self, end_s: int, remembered: int | None) -> tuple[int | None, int | None]:
        """The index of the annotation paired with a replay that ends in `end_s`, and what is remembered after it."""
        if self.leading and remembered is None:
            raise ValueError(
                "the first annotation of the first game has a link: the official scorer fails there "
                "(games in another order than the split's?)"
            )
        for index, second in self.leading:
            if second == end_s != remembered:
                return index, remembered
        if end_s in self.first:
            return self.first[end_s]
        return None, remembered if self.last is None else self.last
