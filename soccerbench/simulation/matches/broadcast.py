"""What the broadcast shows instead of the live game: replays of events, and other shots (crowd, graphics).

A replayed event is followed, after a delay, by one or more replay shots that show it and follow each other directly.
Nothing covers an event that is marked as visible: a run that would is moved, shortened or left out.

Conventions
    time       seconds from the start of the half; positions are whole milliseconds
    constants  chosen so that number, length, delay and classes of the replays follow `published.py`; the shares of
               single classes and the shape of the delay inside 0 to 120 s are not published: assumed
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.published import OTHER_SHOTS_PER_GAME

REPLAYED = {
    # share of the events of a class that is replayed, chance that one more replay shot follows, and seconds from the
    # event to its first replay: median and sigma of the logarithm
    "Foul": (0.68, 0.44, 9.0, 0.60),  # in the stoppage, at once
    "Goal": (1.00, 0.82, 32.0, 0.45),  # after the celebration
    "Shots off target": (0.60, 0.45, 12.0, 0.50),  # before the clearance
    "Shots on target": (0.58, 0.50, 16.0, 0.60),  # once the attack is over
    "Offside": (0.55, 0.30, 14.0, 0.50),
    "Penalty": (0.60, 0.50, 40.0, 0.50),  # after the kick and what follows it
    "Red card": (0.90, 0.60, 30.0, 0.60),
    "Yellow->red card": (0.90, 0.60, 30.0, 0.60),
    "Yellow card": (0.15, 0.20, 20.0, 0.60),
    "Ball out of play": (0.045, 0.30, 14.0, 0.60),
    "Direct free-kick": (0.10, 0.20, 14.0, 0.60),
    "Corner": (0.05, 0.20, 14.0, 0.60),
}
UNLINKED = (0.08, 0.30)  # as above, next to every run: replays without a link, of something else than the 17 events
LONG_SHARE, NEGATIVE_SHARE, OTHER_HALF_SHARE = 0.03, 0.015, 0.015  # of the runs; the others end within 120 s
NEXT_TRY_S = 14.0  # mean of the exponential time that a late run waits longer where there is no room
LATER_SHARE, LATER_S = 0.30, 35.0  # of the runs wait for another stoppage: mean of the exponential time they wait
LONG_DELAY_S, NEGATIVE_DELAY_S = (125.0, 900.0), (-60.0, -2.0)  # from the event to the replay's end, uniform
REPLAY_S, OTHER_S = (6.75, 0.375), (5.5, 0.40)  # lengths: median and sigma of the logarithm
OTHER_AFTER_REPLAY_SHARE = 0.20  # of the runs of replays are followed by another shot
MARGIN_S = 0.5  # kept free around visible events
GOAL_FOLLOWS_S = 3.0  # a shot that becomes a goal is replayed as the goal
TRIES = 12
REPLAY_CAMERAS = (
    "Close-up player or field referee",
    "Main camera center",
    "Main behind the goal",
    "Close-up behind the goal",
    "Spider camera",
)
OTHER_CAMERAS = ("Public", "Close-up side staff", "other")
CHANGES = ("logo", "abrupt", "smooth")


@dataclass(frozen=True)
class Shot:
    """One entry of the camera annotations: what is on screen from `start_ms` to `end_ms`.

    `kind` is replay, real-time or other; `event` the index in `Match.events` of the event that a replay shows.
    """

    half: int
    start_ms: int
    end_ms: int
    kind: str
    camera: str
    change: str
    event: int | None = None


def broadcast(match: Match, rng: np.random.Generator) -> list[Shot]:
    """Cut both halves into shots without gaps, in the order of time."""
    runs = _wanted(match, rng)
    shots: list[Shot] = []
    for half in (1, 2):
        cutter = _Cutter(match, half, rng)
        for at_half, event, delay_s in runs:
            if at_half == half:
                cutter.add_replays(event, delay_s)
        cutter.add_others()
        shots += cutter.all_shots()
    return shots


def _wanted(match: Match, rng: np.random.Generator) -> list[tuple[int, int | None, float | None]]:
    """The runs of replays to place: half, event (None: not one of ours), delay of the end (None: the usual one)."""
    runs: list[tuple[int, int | None, float | None]] = []
    for index, event in enumerate(match.events):
        share = REPLAYED[event.label][0] if event.label in REPLAYED else 0.0
        if rng.random() >= share or _becomes_goal(match.events, index):
            continue
        draw = rng.random()
        if draw < LONG_SHARE:
            runs.append((event.half, index, rng.uniform(*LONG_DELAY_S)))
        elif draw < LONG_SHARE + NEGATIVE_SHARE:
            runs.append((event.half, index, rng.uniform(*NEGATIVE_DELAY_S)))
        elif draw < LONG_SHARE + NEGATIVE_SHARE + OTHER_HALF_SHARE:
            runs.append((3 - event.half, index, None))
        else:
            runs.append((event.half, index, None))
        if rng.random() < UNLINKED[0]:
            runs.append((event.half, None, None))
    return runs


def _becomes_goal(events: tuple[Event, ...], index: int) -> bool:
    shot = events[index]
    if shot.label != "Shots on target":
        return False
    last_ms = shot.position_ms + GOAL_FOLLOWS_S * 1000
    return any(
        event.label == "Goal" and event.half == shot.half and event.position_ms <= last_ms
        for event in events[index + 1 : index + 3]
    )


class _Cutter:
    """Places shots into one half."""

    def __init__(self, match: Match, half: int, rng: np.random.Generator) -> None:
        self.match, self.half, self.rng = match, half, rng
        self.length_s = float(match.lengths_s[half - 1])
        self.visible_s = np.array([event.position_ms / 1000 for event in match.half(half) if event.visible])
        self.placed: list[tuple[float, float, str, int | None]] = []

    def add_replays(self, event: int | None, delay_s: float | None) -> None:
        """Place a run of replays of an event, directly following each other, where there is room for it."""
        label = "" if event is None else self.match.events[event].label
        lengths = [self._length_s(REPLAY_S)]
        while self.rng.random() < REPLAYED.get(label, UNLINKED)[1]:
            lengths.append(self._length_s(REPLAY_S))
        for _ in range(TRIES):
            start_s = self._start_s(event, delay_s, sum(lengths))
            if self._is_free(start_s, start_s + sum(lengths)):
                break
            if len(lengths) > 1 and self.rng.random() < 0.5:
                lengths.pop()
            if delay_s is not None and delay_s > 0.0:
                delay_s += self.rng.exponential(NEXT_TRY_S)
        else:
            return
        for length_s in lengths:
            self.placed.append((start_s, start_s + length_s, "replay", event))
            start_s += length_s
        length_s = self._length_s(OTHER_S)
        if self.rng.random() < OTHER_AFTER_REPLAY_SHARE and self._is_free(start_s, start_s + length_s, 0.0):
            self.placed.append((start_s, start_s + length_s, "other", None))

    def add_others(self) -> None:
        """Fill up with shots that are neither the game nor a replay of it, at random moments."""
        wanted = OTHER_SHOTS_PER_GAME / 2 - sum(kind == "other" for _, _, kind, _ in self.placed)
        for _ in range(int(self.rng.poisson(max(0.0, wanted)))):
            for _ in range(TRIES):
                start_s, length_s = self.rng.uniform(0.0, self.length_s), self._length_s(OTHER_S)
                if self._is_free(start_s, start_s + length_s):
                    self.placed.append((start_s, start_s + length_s, "other", None))
                    break

    def all_shots(self) -> list[Shot]:
        """Every shot of the half: those placed, and the live game between them and up to the end."""
        shots: list[Shot] = []
        now_ms = 0
        for start_s, end_s, kind, event in sorted(self.placed, key=lambda shot: shot[:2]):
            start_ms, end_ms = round(start_s * 1000), round(end_s * 1000)
            if start_ms > now_ms:
                shots.append(Shot(self.half, now_ms, start_ms, "real-time", "Main camera center", self._change()))
            camera = str(self.rng.choice(REPLAY_CAMERAS if kind == "replay" else OTHER_CAMERAS))
            shots.append(Shot(self.half, start_ms, end_ms, kind, camera, self._change(), event))
            now_ms = end_ms
        last_ms = int(self.length_s * 1000)
        return [*shots, Shot(self.half, now_ms, last_ms, "real-time", "Main camera center", "abrupt")]

    def _start_s(self, event: int | None, delay_s: float | None, length_s: float) -> float:
        """Where a run could start: for an event of ours in this half after it, else anywhere."""
        if event is None or self.match.events[event].half != self.half:
            return float(self.rng.uniform(0.0, self.length_s))
        event_s = self.match.events[event].position_ms / 1000
        if delay_s is not None:
            return event_s + delay_s - length_s
        *_, median_s, sigma = REPLAYED[self.match.events[event].label]
        waits_s = self.rng.exponential(LATER_S) if self.rng.random() < LATER_SHARE else 0.0
        return event_s + median_s * math.exp(sigma * self.rng.standard_normal()) + waits_s

    def _is_free(self, start_s: float, end_s: float, margin_s: float = MARGIN_S) -> bool:
        if start_s <= margin_s or end_s >= self.length_s - margin_s:
            return False
        if np.any((self.visible_s > start_s - margin_s) & (self.visible_s < end_s + margin_s)):
            return False
        return all(end_s + margin_s <= other[0] or other[1] <= start_s - margin_s for other in self.placed)

    def _length_s(self, median_and_sigma: tuple[float, float]) -> float:
        return median_and_sigma[0] * math.exp(median_and_sigma[1] * self.rng.standard_normal())

    def _change(self) -> str:
        return str(self.rng.choice(CHANGES))
