"""One event of OSL-JSON as an entry of SoccerNet's files, and the other way round.

Conventions
    half      from the video's name, else from an event's `gameTime`
    position  `position_ms`, else `frame` at the input's `fps`, else the second of `gameTime`; in a video of both halves
              the second of `gameTime` where the position counts on through them
    exact     what the other format cannot say is kept: SoccerNet's entry in the event's `soccernet`, the event in the
              entry's `osl`
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.soccernet.columns import OFFICIAL_ERRORS

Document = dict[str, Any]
HEAD = "action"
_FARTHEST_MS = 2**53
FPS = 25  # of SoccerNet's videos
_CLOCK = re.compile(r"([12]) - ([0-9]{1,3}):([0-9]{1,2})", re.ASCII)
_TAKEN = ("head", "label", "gameTime", "position_ms", "position", "half", "confidence", "confidence_score")


@contextmanager
def placed(path: Path, place: str) -> Iterator[None]:
    """Name the file and the place of an entry that cannot be converted."""
    try:
        yield
    except _UnclearError as error:
        raise InputError(path, f"{place}: {error.args[0]}", error.args[1]) from None


class _UnclearError(ValueError):
    """What is wrong with an entry or an event, and what to do."""


def entry_of(event: Document, half: int | None, fps: Any) -> Document:
    """An event as SoccerNet's entry."""
    kept = event.get("soccernet")
    if isinstance(kept, dict):
        with suppress(_UnclearError):
            if _plain_event(kept) == _without(event, "soccernet"):
                return kept
    entry = _plain_entry(event, half, fps)
    return entry if _plain_event(entry) == event else entry | {"osl": {"event": event, "half": half, "fps": fps}}


def event_of(entry: Document) -> Document:
    """SoccerNet's entry as an event."""
    kept = entry.get("osl")
    if isinstance(kept, dict) and isinstance(kept.get("event"), dict):
        event: Document = kept["event"]
        with suppress(_UnclearError):
            if _plain_entry(event, kept.get("half"), kept.get("fps")) == _without(entry, "osl"):
                return event
    event = _plain_event(entry)
    return event if _plain_entry(event, half_of(entry), FPS) == entry else event | {"soccernet": entry}


def _plain_entry(event: Document, half: int | None, fps: Any) -> Document:
    if not isinstance(event.get("label"), str):
        raise _UnclearError("no label", "name one class")
    clock = _CLOCK.fullmatch(str(event.get("gameTime", "")))
    position = _position(event, fps)
    if half is None:
        if clock is None:
            raise _UnclearError("no half", 'name the video 1_… or 2_…, or give gameTime as "1 - 02:13"')
        half, clock_ms = int(clock[1]), 1000 * (60 * int(clock[2]) + int(clock[3]))
        position = clock_ms if abs(position - clock_ms) > 1000 else position
    time = event.get("gameTime", f"{half} - {position // 60000:02d}:{position // 1000 % 60:02d}")
    entry = {"gameTime": time, "label": event["label"], "position": str(position)}
    confidence = event.get("confidence", event.get("confidence_score"))
    if confidence is None:
        entry["visibility"] = "visible"
    else:
        entry |= {"half": str(half), "confidence": confidence if isinstance(confidence, str) else repr(confidence)}
    return entry | {name: value for name, value in event.items() if name not in (*_TAKEN, "osl")}


def _plain_event(entry: Document) -> Document:
    if not isinstance(entry.get("label"), str):
        raise _UnclearError("no label", "name one class")
    half_of(entry)
    event = {"head": HEAD, "label": entry["label"], "position_ms": _position(entry, FPS)}
    event |= {name: entry[name] for name in ("gameTime",) if name in entry}
    if "confidence" in entry:
        event["confidence"] = _number(entry["confidence"])
    return event | {name: value for name, value in entry.items() if name not in (*_TAKEN, "soccernet")}


def _position(event: Document, fps: Any) -> int:
    """Milliseconds, of an event or an entry."""
    clock = _CLOCK.fullmatch(str(event.get("gameTime", "")))
    given = next((event[key] for key in ("position_ms", "position") if key in event), None)
    with suppress(*OFFICIAL_ERRORS, ZeroDivisionError):
        if given is not None or clock is None or "frame" in event:
            position = int(given) if given is not None else round(1000 * int(event["frame"]) / float(fps))
        else:
            position = 1000 * (60 * int(clock[2]) + int(clock[3]))
        if abs(position) < _FARTHEST_MS:
            return position
    raise _UnclearError("no position", 'give milliseconds as "position_ms"')


def half_of(entry: Document) -> int:
    """The half of SoccerNet's entry."""
    half = str(entry.get("half", str(entry.get("gameTime", ""))[:1])).removesuffix(".0")
    if half not in ("1", "2"):
        raise _UnclearError(f"half {half!r} is neither 1 nor 2", 'give the half, or gameTime as "1 - 02:13"')
    return int(half)


def _number(confidence: Any) -> Any:
    """A confidence as a number, if it is one that JSON has."""
    if not isinstance(confidence, str):
        return confidence
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(confidence)
            return number if math.isfinite(number) and abs(number) < 2**53 else confidence
    return confidence


def _without(document: Document, key: str) -> Document:
    return {name: value for name, value in document.items() if name != key}
