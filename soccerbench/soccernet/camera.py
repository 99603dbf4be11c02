"""Camera annotations as grounding is scored by them: every entry of a game's file, links as they stand.

Source: SoccerNet 0.2.0, Evaluation/ReplayGrounding.py, for what is read from them and where reading fails.

Conventions
    second   of `gameTime`, which is what a submission's replay is recognised by
    link     half, event and whole second of its `time`
    broken   the official scorer reads entries only as far as it must: an entry that it fails on costs nothing until
             a replay comes to it, so a lenient reader keeps the place of the first and reads no further
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.classes import CLASS_INDEX
from soccerbench.soccernet.json_rows import (
    OFFICIAL_ERRORS,
    EntryReader,
    Fault,
    count_keys,
    entries_of,
    refuse_repeated_keys,
    shown,
)
from soccerbench.soccernet.labels import time_faults
from soccerbench.soccernet.replays import camera_file, link_faults

UNREADABLE_S = 10**9


class Annotation(NamedTuple):
    """One entry.

    Args:
        second: of the half, at the end of the shot.
        replay: whether the shot is marked as a replay.
        linked: whether it has a link.
        link_half: half of the linked event; 0 without a link.
        link_label: index into `CLASSES`; -1 for another event or no link.
        link_second: of the linked event; 0 without a link, UNREADABLE_S where its time is none.
    """

    second: int
    replay: bool
    linked: bool = False
    link_half: int = 0
    link_label: int = -1
    link_second: int = 0


@dataclass(frozen=True)
class CameraAnnotations:
    """The camera annotations of one game.

    Args:
        game: "league/season/game".
        entries: in the order of the file, up to the first that is broken.
        broken: the error that this one deserves; None where all entries are given.
        warnings: what a lenient reader passed over, counted.
    """

    game: str
    entries: Sequence[Annotation]
    broken: InputError | None = None
    warnings: Counter[str] = field(default_factory=Counter)


def read_camera_annotations(tree: Tree, game: str, *, strict: bool) -> CameraAnnotations:
    """Read the camera annotations of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse any broken time, half, link or event; a link that is withheld ("") is none.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused by `strict`.
    """
    name = camera_file(tree, game)
    path = tree.path / name
    data = tree.read(name)
    document = parse_json(data, path, lenient=not strict)
    reader = EntryReader(path, "annotations", _read_strictly if strict else _read, _faults, strict)
    entries: list[Annotation] = []
    broken = None
    for number, entry in enumerate(entries_of(document, "annotations", path, strict=strict), 1):
        try:
            read = reader.one(number, entry)
        except InputError as error:
            if strict:
                raise
            broken = error
            break
        assert read is not None
        entries.append(read)
    refuse_repeated_keys(data, path, keys=count_keys(document), strict=strict, warnings=reader.warnings)
    return CameraAnnotations(game, entries, broken, reader.warnings)


def _faults(entry: Any) -> list[Fault]:
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object a shot")]
    return [*time_faults(entry), *link_faults(entry.get("link", ""))]


def _read(entry: Any) -> Annotation:
    """One entry as the official scorer reads it."""
    time = entry["gameTime"]
    int(time[0])
    second, replay = 60 * int(time[-5:-3]) + int(time[-2:]), entry.get("replay") == "replay"
    if "link" not in entry:
        return Annotation(second, replay)
    link = entry["link"]
    label = CLASS_INDEX.get(link["label"], -1)
    return Annotation(second, replay, True, _clip(int(link["half"])), label, _second_of(link))


def _read_strictly(entry: Any) -> Annotation:
    """One entry without faults; a link that is withheld is none."""
    return _read({key: value for key, value in entry.items() if (key, value) != ("link", "")})


def _second_of(link: dict[str, Any]) -> int:
    try:
        return _clip(60 * int(link["time"][0:2]) + int(link["time"][3:]))
    except OFFICIAL_ERRORS:
        return UNREADABLE_S


def _clip(value: int) -> int:
    return max(-UNREADABLE_S, min(value, UNREADABLE_S))
