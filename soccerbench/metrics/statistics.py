"""Sufficient statistics of a game: counts whose sum over games gives the score.

Scores, intervals and comparisons need only these counts, so a resample of the games is a weighted sum.

Conventions
    row    detections that are equal for every score: same class, level, hits and visibility. In memory they may
           be several rows; JSON has one
    level  number of the highest of the 200 thresholds reached (soccernet), or the confidence itself (strict);
           only its order counts
    mask   bit d is the tolerance deltas_s[d]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from soccerbench.events import Ints, Protocol
from soccerbench.metrics.tolerances import check_protocol, check_tolerances

if TYPE_CHECKING:
    from typing_extensions import Self

ROW = ("label", "level", "hits", "visible", "count")


@dataclass(frozen=True, eq=False)
class Counted:
    """Base of both: how a game was counted.

    Attributes:
        protocol: "soccernet" or "strict".
        deltas_s: (D,) tolerances in seconds.
    """

    protocol: Protocol
    deltas_s: tuple[float, ...]

    @property
    def classes(self) -> int:
        """How many classes there are; 0 where a task has none."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, from which `from_json` makes an equal object."""
        plain = {name: value.tolist() for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return {**vars(self), "deltas_s": list(self.deltas_s), **plain}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The statistics that `to_json` wrote."""
        check_protocol(value["protocol"])
        level = np.int64 if value["protocol"] == "soccernet" else np.float64
        columns = {
            name: np.asarray(column, level if name == "level" else np.int64)
            for name, column in value.items()
            if isinstance(column, list)
        }
        return cls(**{**value, **columns, "deltas_s": check_tolerances(value["deltas_s"])})


@dataclass(frozen=True, eq=False)
class SpottingStatistics(Counted):
    """Sufficient statistics of one game, or of several together.

    Attributes:
        label, level, hits, visible, count: (R,) the rows. `hits` is the mask of the tolerances at which they hit an
            event, `visible` of those at which they count as detections of visible events.
        events_visible, events_unshown: (C,) events to be found.
    """

    label: Ints
    level: npt.NDArray[Any]
    hits: Ints
    visible: Ints
    count: Ints
    events_visible: Ints
    events_unshown: Ints

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.events_visible)

    def select(self, labels: Sequence[int]) -> SpottingStatistics:
        """The statistics of some classes alone, numbered from 0 in the order given."""
        place = np.full(self.classes, -1)
        place[list(labels)] = np.arange(len(labels))
        kept = place[self.label] >= 0
        rows = (place[self.label[kept]], self.level[kept], self.hits[kept], self.visible[kept], self.count[kept])
        events = (self.events_visible[list(labels)], self.events_unshown[list(labels)])
        return SpottingStatistics(self.protocol, self.deltas_s, *rows, *events)

    def rows(self) -> tuple[Ints, npt.NDArray[Any], Ints, Ints, Ints]:
        """The columns of the rows: label, level, hits, visible, count."""
        return self.label, self.level, self.hits, self.visible, self.count

    def to_json(self) -> dict[str, Any]:
        """The same with equal rows added up."""
        rows: dict[str, Any] = dict(zip(ROW, merge(*self.rows()), strict=True))
        return Counted.to_json(replace(self, **rows))


@dataclass(frozen=True, eq=False)
class GroundingStatistics(Counted):
    """Sufficient statistics of one game's replay grounding; a row is a detection.

    Attributes:
        level: (R,) highest of the 200 thresholds reached (soccernet), or the confidence itself (strict).
        kept, hits: (R,) masks, bit d for deltas_s[d]: where the detection survives suppression, where it is a hit.
        scored: events that count.
        missing: labelled replays that the submission leaves out.
    """

    level: npt.NDArray[Any]
    kept: Ints
    hits: Ints
    scored: int
    missing: int


def ranked(statistics: Sequence[Any]) -> list[Any]:
    """The same statistics with ranks as levels, which no longer depend on the scale of the confidences.

    The rank of a detection is minus the number of detections of its class, in all of these games, with its confidence
    or a higher one. The order and the ties stay, so the score does too.

    Args:
        statistics: of either task, one a game.
    """
    level = np.concatenate([game.level for game in statistics])
    label, count = np.zeros(len(level), dtype=np.int64), np.ones(len(level), dtype=np.int64)
    if isinstance(statistics[0], SpottingStatistics):
        label, count = (np.concatenate([getattr(game, name) for game in statistics]) for name in ("label", "count"))
    order = np.lexsort((-level, label))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(label[order]) != 0) | (np.diff(level[order]) != 0)
    last = np.append(np.flatnonzero(new)[1:], len(order)) - 1  # of each group of equals
    passed = np.cumsum(count[order])
    before = np.append(0, passed)[np.searchsorted(label[order], label)]  # in the classes before
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = -passed[last[np.cumsum(new) - 1]] if len(order) else 0
    rank += before
    bounds = np.cumsum([len(game.level) for game in statistics])[:-1]
    return [replace(game, level=part) for game, part in zip(statistics, np.split(rank, bounds), strict=True)]


def check_alike(statistics: Sequence[Counted]) -> None:
    """Raise ValueError if there is no game, or the games differ in protocol, tolerances or classes."""
    kinds = {f"{game.protocol}, {list(game.deltas_s)} s, {game.classes} classes" for game in statistics}
    if len(kinds) != 1:
        raise ValueError(f"games counted alike are needed, found {'; '.join(sorted(kinds)) or 'no game'}")


def merge(
    label: Ints, level: npt.NDArray[Any], hits: Ints, visible: Ints, count: Ints
) -> tuple[Ints, npt.NDArray[Any], Ints, Ints, Ints]:
    """The rows in order, equal ones added up."""
    order = np.lexsort((visible, hits, level, label))
    label, level, hits, visible, count = (values[order] for values in (label, level, hits, visible, count))
    new = np.ones(len(order), dtype=bool)
    new[1:] = False
    for values in (label, level, hits, visible):
        new[1:] |= values[1:] != values[:-1]
    first = np.flatnonzero(new)
    total = np.add.reduceat(count, first) if len(first) else count
    return label[first], level[first], hits[first], visible[first], total
