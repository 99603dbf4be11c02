"""Camera annotations: one game's `Labels-cameras.json` or `Labels-replays.json`, as shots and as scoring reads them.

Source: SoccerNet-v2's camera annotation files; the official data loader of the replay grounding task for where a shot
begins; SoccerNet 0.2.0, Evaluation/ReplayGrounding.py, for what scoring reads and where reading fails.

Conventions
    entry    is at the end of the shot it describes; the entry before it in the same half is at its start
    first    a shot without an entry before it in its half starts with the half, at 0
    name     the second of its `gameTime`, by which a replay is scored; what it shows is where `position` says
    link     the event that a replay shows, at the whole second of its `time`; an empty one ("") is withheld
    half     a link may lead into the other half; such a replay is kept, and `same_half` is false
    length   0 is possible (four of the challenge replays, counted in whole seconds)
    broken   the official scorer reads entries only as far as it must: an entry that it fails on costs nothing until
             a replay comes to it, so a lenient reader keeps the place of the first and reads no further
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from soccerbench.errors import InputError
from soccerbench.events import Annotations, Bools, Ints
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.columns import MISSING, OFFICIAL_ERRORS
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.row_file import RowFile
from soccerbench.soccernet.rows import Table, shown

CAMERA_LABELS = "Labels-cameras.json"
REPLAY_LABELS = "Labels-replays.json"
GROUNDING_LABEL_FILES = FileKind((CAMERA_LABELS, REPLAY_LABELS), "annotations")
UNREADABLE_S = 10**9
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Link:
    """The event that a replay shows.

    Args:
        half: 1 or 2.
        label: index into `CLASSES`.
        second: whole second in the half, which is what is scored.
        position_ms: the same to the millisecond, where the file has it.
    """

    half: int
    label: int
    second: int
    position_ms: int | None = None


@dataclass(frozen=True)
class Replay:
    """One replay shot.

    Args:
        half: 1 or 2.
        start_ms: where the shot before it ends.
        end_ms: its own end, at or after its start.
        link: the event it shows; None where it is withheld.
        named_s: whole second of its end by which it is scored; None where that is `end_ms` cut to seconds.
    """

    half: int
    start_ms: int
    end_ms: int
    link: Link | None = None
    named_s: int | None = None

    @property
    def start_s(self) -> int:
        """Whole second in which it starts."""
        return self.start_ms // 1000

    @property
    def end_s(self) -> int:
        """Whole second in which it ends, by which a submission names it."""
        return self.end_ms // 1000 if self.named_s is None else self.named_s

    @property
    def same_half(self) -> bool:
        """Whether the event is known and in the half of the replay."""
        return self.link is not None and self.link.half == self.half


@dataclass(frozen=True)
class GameReplays:
    """The replays of one game, in the order of the file.

    Args:
        game: "league/season/game".
        replays: every entry marked as a replay.
        warnings: what a lenient reader skipped or changed, counted.
    """

    game: str
    replays: tuple[Replay, ...]
    warnings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class CameraAnnotations:
    """The camera annotations of one game.

    Args:
        game: "league/season/game".
        annotations: up to the first that is broken; a link has second 0 where there is none, UNREADABLE_S where its
            time is none.
        broken: why that one is broken; None where all entries are given.
        unreadable: the first entry whose link has a time that is no MM:SS; None where there is none.
        withheld: whether there are replays, and no shot has a link.
        warnings: what a lenient reader skipped or changed, counted.
    """

    game: str
    annotations: Annotations
    broken: InputError | None = None
    unreadable: InputError | None = None
    withheld: bool = False
    warnings: Counter[str] = field(default_factory=Counter)


def camera_file(tree: Tree, game: str) -> str:
    """The name of the game's camera annotations: with the cameras where there are any, else of the replays alone.

    Raises:
        InputError: neither is there.
    """
    if (file := tree.first(game, GROUNDING_LABEL_FILES.names)) is not None:
        return f"{game}/{file}"
    raise InputError(tree.path / game / CAMERA_LABELS, "missing", f"put it or {REPLAY_LABELS} there")


def read_replays(tree: Tree, game: str, *, strict: bool, file: str | None = None) -> GameReplays:
    """Read the replays of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse broken times, halves and links, an unknown event and a replay that ends before it starts.
            Otherwise a broken link counts as withheld and a replay that ends before it starts has no length, counted.
        file: `Labels-cameras.json` or `Labels-replays.json`; None for the first of them that is there.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused.
    """
    name = camera_file(tree, game) if file is None else f"{game}/{file}"
    rows = RowFile(tree.read(name), tree.where(name), "annotations", strict=strict)
    table = Table(rows.entries, "a shot")
    half, named_s = table.clocks()
    end_ms, _ = table.positions()
    table.refused |= table.faulty
    links = _read_links(table, only=~table.refused)
    rows.check(table)
    rows.check_repeated_keys(nested=True)
    replays = []
    previous: dict[int, int] = {}
    shots = zip(half.tolist(), end_ms.tolist(), named_s.tolist(), _replay(table).tolist(), strict=True)
    for number, (half_, end, named, is_replay) in enumerate(shots, 1):
        start = previous.get(half_, 0)
        if is_replay and start > end:
            if strict:
                problem = f"annotations, entry {number}: a replay that ends at {end} ms, before it starts"
                raise InputError(rows.path, problem, "sort the entries by time")
            rows.warnings["replays that end before they start, taken as empty"] += 1
        if is_replay:
            replays.append(Replay(half_, min(start, end), end, links.link(number - 1), named))
        previous[half_] = end
    return GameReplays(game, tuple(replays), rows.warnings)


def read_camera_annotations(tree: Tree, game: str, *, strict: bool) -> CameraAnnotations:
    """Read the camera annotations of one game as scoring needs them: every entry, links unchanged.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse any broken time, half, link or event; a link that is withheld ("") is none.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused by `strict`.
    """
    name = camera_file(tree, game)
    rows = RowFile(tree.read(name), tree.where(name), "annotations", strict=strict)
    table = Table(rows.entries, "a shot")
    _, second = table.clocks()
    links = _read_links(table)
    given = [entry.get("link", MISSING) for entry in table.entries]
    table.refused[[row for row, link in enumerate(given) if link is not MISSING and not isinstance(link, dict)]] = True
    bad = rows.first_bad(table)
    broken = None if bad is None else rows.error(table, bad)
    if broken is not None and strict:
        raise broken
    rows.count(table, bad)
    rows.check_repeated_keys(nested=True)
    replay, odd = _replay(table), np.flatnonzero(links.second == UNREADABLE_S)
    # The official code counts the links of other shots too.
    withheld = bool(replay.any()) and all(link is MISSING or link in ("", None) for link in given)
    unreadable = rows.error(table, int(odd[0])) if len(odd) else None
    annotations = Annotations(
        second[:bad], replay[:bad], links.given[:bad], links.half[:bad], links.label[:bad], links.second[:bad]
    )
    return CameraAnnotations(game, annotations, broken, unreadable, withheld, rows.warnings)


class _Links(NamedTuple):
    """The links of a list of shots, (N,) each; see `Annotations`."""

    given: Bools
    half: Ints
    label: Ints
    second: Ints
    position_ms: Ints
    usable: Bools
    positioned: Bools

    def link(self, row: int) -> Link | None:
        """The link of one shot, None where it is withheld or broken."""
        if not self.usable[row]:
            return None
        position_ms = int(self.position_ms[row]) if self.positioned[row] else None
        return Link(int(self.half[row]), int(self.label[row]), int(self.second[row]), position_ms)


def _replay(table: Table) -> Bools:
    return np.array([entry.get("replay") == "replay" for entry in table.entries], np.bool_)


def _read_links(table: Table, only: Bools | None = None) -> _Links:
    """Read every link, noting those that are broken, of all entries or of `only` some; links that fail are refused."""
    links = [entry.get("link", "") for entry in table.entries]
    rows = np.array([row for row, link in enumerate(links) if isinstance(link, dict)], np.int64)
    inner = Table([links[row] for row in rows], "an event")
    half, label = inner.halves(), inner.labels()
    refused = inner.refused.copy()
    position_ms, positioned = inner.positions(optional=True)
    second = np.array([_second_of(link) for link in inner.entries], np.int64)
    times = [link.get("time") for link in inner.entries]
    formed = np.array([isinstance(time, str) and _CLOCK.fullmatch(time) is not None for time in times], np.bool_)
    inner.add("", ~formed, lambda row: f"time {shown(times[row])}", "")

    def problem(row: int) -> str:
        if not isinstance(links[row], dict):
            return f"link {shown(links[row])} is no object"
        return " and ".join(f"link with {found}" for found in inner.problems(int(np.searchsorted(rows, row))))

    broken = np.array([link != "" and not isinstance(link, dict) for link in links], np.bool_)
    broken[rows] = inner.faulty
    noted = broken if only is None else broken & only
    table.add("broken links", noted, problem, 'link {"half": "1", "label": event, "time": "12:34"}, or ""')
    if only is None:
        table.refused[rows] |= refused
    given = np.zeros(len(links), np.bool_)
    given[rows] = True

    def spread(column: Ints, empty: int) -> Ints:
        whole = np.full(len(links), empty, np.int64)
        whole[rows] = column
        return whole

    return _Links(
        given, spread(half, 0), spread(label, -1), spread(second, 0), spread(position_ms, 0), given & ~broken,
        spread(positioned.astype(np.int64), 0) > 0,
    )  # fmt: skip


def _second_of(link: dict[str, Any]) -> int:
    try:
        second = 60 * int(link["time"][0:2]) + int(link["time"][3:])
    except OFFICIAL_ERRORS:
        return UNREADABLE_S
    return max(-UNREADABLE_S, min(second, UNREADABLE_S))
