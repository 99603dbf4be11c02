"""The official forms of the label files, byte by byte as SoccerNet writes them: every value a string.

Conventions
    gameTime   half, then whole minutes and seconds of the position, rounded down
    position   milliseconds from the start of the half
    cameras    an entry's time ends the shot that it describes; the previous entry's time starts it
    withheld   the public form of the challenge: no link, camera or change type
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from soccerbench.simulation.matches.broadcast import Shot
from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.published import DUPLICATED_SHARE, NEAR_DUPLICATES

LONGEST_GAP_S = 10.0
REPEATED_IN_PLAY = {"Shots on target": 0.008}  # share of events that follow one of their class this soon in the match


@dataclass(frozen=True)
class Header:
    """What every label file says about its game; `path` has no trailing slash."""

    path: str
    home: str
    away: str
    date: str
    score: tuple[int, int]

    def form(self, *, slash: bool, annotations: list[dict[str, Any]]) -> bytes:
        """One label file with these annotations; keys are in alphabetical order everywhere."""
        content = {
            "UrlLocal": self.path + "/" * slash,
            "UrlYoutube": "",
            "annotations": annotations,
            "gameAwayTeam": self.away,
            "gameDate": self.date,
            "gameHomeTeam": self.home,
            "gameScore": f"{self.score[0]} - {self.score[1]}",
        }
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def events_form(header: Header, events: Iterable[Event]) -> bytes:
    """`Labels-v2.json` of a game."""
    return header.form(slash=True, annotations=[event_entry(event) for event in events])


def with_duplicates(events: Iterable[Event], rng: np.random.Generator) -> list[Event]:
    """The events with a few repetitions, exact or some seconds later, as frequent as in the public files.

    One that would follow the last event of its half is left out, so that none is past the half's end.
    """
    marked, last_ms = list(events), {1: 0, 2: 0}
    for event in marked:
        last_ms[event.half] = max(last_ms[event.half], event.position_ms)
    for event in tuple(marked):
        marked += [event] * (rng.random() < DUPLICATED_SHARE[event.label])
        share, median_s = NEAR_DUPLICATES.get(event.label, (0.0, 0.0))
        is_near = rng.random() < share - REPEATED_IN_PLAY.get(event.label, 0.0)
        gap_s = rng.exponential(median_s / math.log(2)) if is_near else 0.0
        later = replace(event, position_ms=event.position_ms + round(gap_s * 1000))
        if 0.0 < gap_s < LONGEST_GAP_S and later.position_ms <= last_ms[event.half]:
            marked.append(later)
    return sorted(marked, key=lambda event: (event.half, event.position_ms))


def cameras_form(header: Header, match: Match, shots: Iterable[Shot]) -> bytes:
    """`Labels-cameras.json` of a game: every shot, and for a replay of one of its events the link."""
    annotations = [
        _shot(shot, change_type=shot.change, label=shot.camera)
        | ({} if shot.event is None else {"link": _link(match.events[shot.event])})
        for shot in shots
    ]
    return header.form(slash=True, annotations=annotations)


def withheld_form(header: Header, shots: Iterable[Shot]) -> bytes:
    """`Labels-replays.json` of a challenge game: where the replays are, not what they show."""
    annotations = [
        _shot(shot, change_type="", label="") | ({"link": ""} if shot.kind == "replay" else {}) for shot in shots
    ]
    return header.form(slash=False, annotations=annotations)


def event_entry(event: Event) -> dict[str, Any]:
    """An event as `Labels-v2.json` has it."""
    return {"gameTime": f"{event.half} - {_clock(event.position_ms)}"} | _event(event)


def _link(event: Event) -> dict[str, str]:
    return {"half": str(event.half), "time": _clock(event.position_ms)} | _event(event)


def _event(event: Event) -> dict[str, str]:
    visibility = "visible" if event.visible else "not shown"
    return {"label": event.label, "position": str(event.position_ms), "team": event.team, "visibility": visibility}


def _shot(shot: Shot, **shown: str) -> dict[str, Any]:
    time = {"gameTime": f"{shot.half} - {_clock(shot.end_ms)}", "position": str(shot.end_ms)}
    return time | {"replay": shot.kind} | shown


def _clock(position_ms: int) -> str:
    minutes, seconds = divmod(position_ms // 1000, 60)
    return f"{minutes:02d}:{seconds:02d}"
