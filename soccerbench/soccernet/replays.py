"""Replays: one game's `Labels-cameras.json` or `Labels-replays.json`, as the shots they are and as scoring reads them.

Source: SoccerNet-v2's camera annotation files; the official data loader of the replay grounding task for where a shot
begins.

Conventions
    entry    stands at the end of the shot it describes; the entry before it in the same half stands at its start
    first    a shot without an entry before it in its half starts with the half, at 0
    name     the second of its `gameTime`, by which a replay is scored; what it shows lies where `position` says
    link     the event that a replay shows, at the whole second of its `time`; an empty one ("") is withheld
    half     a link may lead into the other half; such a replay is kept, and `same_half` is false
    length   0 is possible (four of the challenge replays, counted in whole seconds)
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.classes import CLASS_INDEX
from soccerbench.soccernet.json_rows import (
    EntryReader,
    Fault,
    count_keys,
    entries_of,
    event_faults,
    half_faults,
    position_faults,
    refuse_repeated_keys,
    shown,
)
from soccerbench.soccernet.labels import time_faults

CAMERA_LABELS = "Labels-cameras.json"
REPLAY_LABELS = "Labels-replays.json"
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
        """Whether the event is known and lies in the half of the replay."""
        return self.link is not None and self.link.half == self.half


@dataclass(frozen=True)
class GameReplays:
    """The replays of one game, in the order of the file.

    Args:
        game: "league/season/game".
        replays: every entry marked as a replay.
        warnings: what a lenient reader passed over, counted.
    """

    game: str
    replays: tuple[Replay, ...]
    warnings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Shot:
    half: int
    end_ms: int
    replay: bool
    link: Link | None
    named_s: int


def camera_file(tree: Tree, game: str) -> str:
    """The name of the game's camera annotations: with the cameras where there are any, else of the replays alone.

    Raises:
        InputError: neither is there.
    """
    for file in (CAMERA_LABELS, REPLAY_LABELS):
        if f"{game}/{file}" in tree:
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
    path = tree.path / name
    data = tree.read(name)
    document = parse_json(data, path, lenient=not strict)
    entries = entries_of(document, "annotations", path, strict=strict)
    reader = EntryReader(path, "annotations", _read_shot, camera_faults, strict)
    shots, warnings = reader.all(entries), reader.warnings
    refuse_repeated_keys(data, path, keys=count_keys(document), strict=strict, warnings=warnings)
    replays = []
    previous: dict[int, int] = {}
    for number, shot in enumerate(shots, 1):
        start_ms = previous.get(shot.half, 0)
        if shot.replay and start_ms > shot.end_ms:
            if strict:
                problem = f"annotations, entry {number}: a replay that ends at {shot.end_ms} ms, before it starts"
                raise InputError(path, problem, "sort the entries by time")
            warnings["replays that end before they start, taken as empty"] += 1
        if shot.replay:
            replays.append(Replay(shot.half, min(start_ms, shot.end_ms), shot.end_ms, shot.link, shot.named_s))
        previous[shot.half] = shot.end_ms
    return GameReplays(game, tuple(replays), warnings)


def camera_faults(entry: Any) -> list[Fault]:
    """All that a strict reader minds in one camera annotation."""
    return _shot_faults(entry) or link_faults(entry.get("link", ""))


def _shot_faults(entry: Any) -> list[Fault]:
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object a shot")]
    return [*time_faults(entry), *position_faults(entry)]


def link_faults(link: Any) -> list[Fault]:
    """What is wrong with the link of an entry; nothing where it is withheld."""
    if link == "":
        return []
    kind, remedy = "broken links", 'link {"half": "1", "label": event, "time": "12:34"}, or ""'
    if not isinstance(link, dict):
        return [Fault(kind, f"link {shown(link)} is no object", remedy)]
    found = [*half_faults(link), *event_faults(link), *(position_faults(link) if "position" in link else [])]
    problems = [f"link with {fault.problem}" for fault in found]
    time = link.get("time")
    if not isinstance(time, str) or not _CLOCK.fullmatch(time):
        problems.append(f"link with time {shown(time)}")
    return [Fault(kind, " and ".join(problems), remedy)] if problems else []


def _read_shot(entry: Any) -> _Shot:
    """One entry; a link that cannot be used is taken as withheld, anything else that is wrong raises."""
    if _shot_faults(entry):
        raise ValueError
    link = entry.get("link", "")
    usable = link != "" and not link_faults(link)
    time = entry["gameTime"]
    return _Shot(
        half=int(time[0]),
        end_ms=int(entry["position"]),
        replay=entry.get("replay") == "replay",
        link=_read_link(link) if usable else None,
        named_s=60 * int(time[-5:-3]) + int(time[-2:]),
    )


def _read_link(link: dict[str, Any]) -> Link:
    position = int(link["position"]) if "position" in link else None
    second = 60 * int(link["time"][:2]) + int(link["time"][3:])
    return Link(int(link["half"]), CLASS_INDEX[link["label"]], second, position)
