"""Spotting labels: one game's `Labels-v2.json` as arrays.

Source: SoccerNet-v2's annotation files and SoccerNet 0.2.0, Evaluation/ActionSpotting.py, for what is read from them.

Conventions
    half         the first character of `gameTime`
    position_ms  `position`, text in the files; where an entry has none, the whole second of `gameTime`
    visible      false for "not shown" alone
    order        as in the file; exact duplicates, of which the real files hold 69, are kept
"""

from __future__ import annotations

import re
from itertools import repeat
from operator import itemgetter, ne
from typing import Any

import numpy as np

from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASS_INDEX
from soccerbench.soccernet.columns import Columns, numbers, read_columns
from soccerbench.soccernet.json_rows import (
    LIMIT_MS,
    Fault,
    check_frame,
    event_faults,
    half_faults,
    position_faults,
    position_ms,
    shown,
)

SPOTTING_LABELS = "Labels-v2.json"
GAME_TIME = re.compile(r"[0-9] - [0-9]{2,}:[0-9]{2}", re.ASCII)
_FIELDS = tuple(map(itemgetter, ("gameTime", "label", "position", "visibility")))
_PATTERN = np.frombuffer(b"0 - 00:00", np.uint8)
_SPAN = np.array([9 if character == "0" else 0 for character in "0 - 00:00"])


def read_spotting_labels(tree: Tree, game: str, *, strict: bool) -> Events:
    """Read the labels of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse an unknown event, a missing key, a half other than 1 and 2, a position that is no whole number
            of milliseconds within two hours, a key written twice. Otherwise what the official scorer would use is
            given, with a count of what it passes over in silence.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    (half, label, position, visible), warnings = read_columns(
        tree,
        f"{game}/{SPOTTING_LABELS}",
        "annotations",
        clean=_read_clean,
        read=_read,
        faults=label_faults,
        last=np.bool_,
        strict=strict,
    )
    return Events(half, label, position, visible=visible, game=game, warnings=warnings)


def label_faults(entry: Any) -> list[Fault]:
    """All that a strict reader minds in one annotation."""
    if not isinstance(entry, dict):
        return [Fault("entries that are no objects", f"{shown(entry)} is no object", "write one object an event")]
    found = [*time_faults(entry), *event_faults(entry), *position_faults(entry)]
    if "visibility" not in entry:
        found.append(Fault("events taken as visible", "key 'visibility' is missing", 'give "visible" or "not shown"'))
    return found


def time_faults(entry: dict[str, Any]) -> list[Fault]:
    """What is wrong with an annotation's `gameTime`."""
    remedy = 'give the half and the time in it as "1 - 02:13"'
    if "gameTime" not in entry:
        return [Fault("entries without a gameTime", "key 'gameTime' is missing", remedy)]
    value = entry["gameTime"]
    if not isinstance(value, str) or not GAME_TIME.fullmatch(value):
        return [Fault("oddly written gameTimes", f"gameTime {shown(value)} is none", remedy)]
    return half_faults({"half": value[0]})


def _read_clean(entries: list[Any]) -> Columns | None:
    """All entries at once, or None where any of them needs a closer look."""
    times, events, positions, visibilities = (list(map(field, entries)) for field in _FIELDS)
    clock = np.frombuffer("".join(times).encode("ascii"), np.uint8).reshape(len(entries), len(_PATTERN))
    label = np.fromiter(map(CLASS_INDEX.__getitem__, events), np.int64, len(entries))
    visible = np.fromiter(map(ne, visibilities, repeat("not shown")), np.bool_, len(entries))
    position = numbers(positions, np.int64)
    offset = clock - _PATTERN
    half = offset[:, 0].astype(np.int64)
    clean = (
        (offset <= _SPAN).all()
        and ((half == 1) | (half == 2)).all()
        and ((position >= 0) & (position <= LIMIT_MS)).all()
    )
    return (half, label, position, visible) if clean else None


def _read(entry: Any) -> tuple[int, int, int, bool] | None:
    """One entry as the official scorer reads it; None where that skips it."""
    time, event = entry["gameTime"], entry["label"]
    half, second = int(time[0]), 60 * int(time[-5:-3]) + int(time[-2:])
    position = position_ms(entry["position"]) if "position" in entry else 1000 * second
    if event not in CLASS_INDEX or half not in (1, 2):
        return None
    check_frame(position)
    return half, CLASS_INDEX[event], position, entry.get("visibility") != "not shown"
