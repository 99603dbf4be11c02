"""A model of the game: passages of play that end in an event, and the stoppage and restart which follow.

A passage begins with a restart (kick-off, throw-in, clearance, corner, free kick) and lasts a lead time plus an
exponential one. It ends with the ball out of play, a foul, an offside or a shot; a shot may be a goal, go out, or
leave the ball in play. Each stoppage has its restart: throw-in, corner or clearance after a ball out, a free kick or a
penalty (and perhaps a card) after a foul, the other side's kick-off after a goal. Substitutions wait for a stoppage.

Conventions
    time       seconds from the start of the half; positions are whole milliseconds
    constants  probabilities and times below are rounded from transitions between neighbouring events in the 500
               public label files, save where a comment says otherwise; `docs/internals/mini.md` has the table
    visible    drawn with the published share of its class, and alike for events that follow each other
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from soccerbench.simulation.matches.published import not_shown_share

PLAY_MEAN_S = 33.5  # exponential part of a passage; chosen so that a game has the published 220.9 events
TEMPO_SIGMA = 0.18  # games differ in pace: log-normal factor on PLAY_MEAN_S (public games have 125 to 290 events)
LEAD_S = {"Ball out of play": 1.0, "Foul": 1.0, "Offside": 3.0, "Shots on target": 6.0, "Shots off target": 6.0}
SET_PIECE_SHOT_S = {"Corner": 3.0, "Direct free-kick": 0.0}  # a header comes after 3 s, a free kick is the shot

OUTCOMES = ("Ball out of play", "Foul", "Shots on target", "Shots off target", "Offside")
OPEN_PLAY = (0.536, 0.242, 0.097, 0.084, 0.041)
PASSAGE = {
    "Corner": (0.445, 0.162, 0.160, 0.195, 0.038),
    "Direct free-kick": (0.365, 0.143, 0.225, 0.225, 0.042),
    "Shots on target": (0.456, 0.218, 0.153, 0.117, 0.056),
}  # after any other restart: OPEN_PLAY
SAME_SIDE = {"Corner": 0.85, "Direct free-kick": 0.85}  # the side that restarts also shoots or runs offside; else 0.4,
SAME_SIDE_OPEN = 0.4  # and in the remaining cases the home side does it with HOME_SHARE
HOME_SHARE = 0.56  # shots of the home side

GOAL_SHARE, PENALTY_ON_TARGET, PENALTY_GOAL = 0.275, 0.90, 0.85
SHOT_OUT_SHARE = {"Shots on target": 0.25, "Shots off target": 0.85}  # of the shots that are no goal
SHOT_OUT_S, GOAL_DELAY_S = 1.0, 0.6

RESTARTS = ("Throw-in", "Clearance", "Corner")
RESTART_SHARES = {
    "Shots on target": (0.11, 0.08, 0.81),
    "Shots off target": (0.02, 0.86, 0.12),
    "open play": (0.715, 0.150, 0.135),
}
FREE_KICKS = ("Indirect free-kick", "Direct free-kick", "Penalty", "unmarked")
FREE_KICK_SHARES = {False: (0.770, 0.165, 0.009, 0.056), True: (0.600, 0.300, 0.045, 0.055)}  # without, with a card
OFFSIDE_FREE_KICK_SHARE = 0.90  # the rest is played on unmarked
YELLOW_SHARE, RED_SHARE, SECOND_YELLOW_SHARE = 0.180, 0.0047, 0.0042  # of fouls; the last for each player booked
CARD_HALF_FACTOR = (0.72, 1.27)  # cards are rarer in the first half (721 to 1,326)

STOPPAGE_S = {  # median and sigma (of the logarithm) of the time from the stop to the restart
    "Throw-in": (10.0, 0.65),
    "Clearance": (22.0, 0.40),
    "Corner": (25.0, 0.34),
    "Indirect free-kick": (17.5, 0.60),
    "Direct free-kick": (41.0, 0.45),
    "Penalty": (58.0, 0.25),
    "Kick-off": (54.0, 0.23),
    "unmarked": (20.0, 0.50),
}
CARD_S, SENDING_OFF_S, CARD_STOPPAGE_S = (7.1, 0.50), (20.0, 0.50), 18.0
SUBSTITUTION_S, AFTER_SUBSTITUTION_S = (24.0, 0.40), (11.0, 0.45)

KICK_OFF_MARKED = 0.915  # 85 of 1,000 halves open without a marked kick-off
SUBSTITUTIONS, SUBSTITUTION_MARKED = 3, 0.97  # three for each side, as the rules were
FIRST_HALF_SUBSTITUTIONS, INTERVAL_SUBSTITUTIONS = 0.045, 0.06
SUBSTITUTION_MINUTE = (25.0, 10.0)  # mean and deviation in the second half

RUN_CORRELATION = 0.1  # of what is shown, from event to event: runs of unshown events have the mean length 1.0875

HALF_S = 2700
ADDED_S = ((20, 110), (60, 230))  # added time, uniform; assumed: the last event's median is at 2,692 s


@dataclass(frozen=True)
class Event:
    """One marked event; `team` is home, away or not applicable, `visible` whether the broadcast shows it."""

    half: int
    position_ms: int
    label: str
    team: str
    visible: bool = True


@dataclass(frozen=True)
class Match:
    """Two halves: their lengths in seconds and their events in the order of time."""

    lengths_s: tuple[int, int]
    events: tuple[Event, ...]

    def half(self, half: int) -> list[Event]:
        """The events of one half (1 or 2)."""
        return [event for event in self.events if event.half == half]


def score_of(events: Iterable[Event]) -> tuple[int, int]:
    """Goals of the home and of the away side."""
    goals = [event.team for event in events if event.label == "Goal"]
    return goals.count("home"), goals.count("away")


def play_match(rng: np.random.Generator) -> Match:
    """Play one game, two halves of 45 minutes and added time."""
    booked = {"home": 0, "away": 0}
    play_mean_s = PLAY_MEAN_S * math.exp(TEMPO_SIGMA * rng.standard_normal())
    kicks_off = _pick(rng, ("home", "away"), (0.5, 0.5))
    plans = _substitutions(rng)
    lengths: list[int] = []
    events: list[Event] = []
    for half, team in ((1, kicks_off), (2, other(kicks_off))):
        lengths.append(HALF_S + int(rng.integers(*ADDED_S[half - 1])))
        play = _Half(rng, half, lengths[-1], play_mean_s, sorted(plans[half]), booked)
        play.run(team)
        events += sorted(play.events, key=lambda event: event.position_ms)
    return Match((lengths[0], lengths[1]), tuple(events))


def other(team: str) -> str:
    """The opponent."""
    return "away" if team == "home" else "home"


@dataclass
class _Half:
    rng: np.random.Generator
    half: int
    length_s: int
    play_mean_s: float
    substitutions: list[tuple[float, str]]
    booked: dict[str, int]
    time_s: float = 0.0
    attention: float = 0.0  # standard normal; the lower, the rarer the events that are shown
    events: list[Event] = field(default_factory=list)

    def run(self, team: str) -> None:
        """Play from the kick-off until the time is over."""
        self.attention = self.rng.standard_normal()
        for substituted in self._due():
            self._substitute(substituted)
        restart = "Kick-off"
        if self.rng.random() < KICK_OFF_MARKED:
            self._mark("Kick-off", team)
        while self.time_s < self.length_s:
            restart, team = self._passage(restart, team)

    def _passage(self, restart: str, team: str) -> tuple[str, str]:
        """Play on from a restart to the next: its name and the side that has it."""
        if restart == "Penalty":
            on_target = self.rng.random() < PENALTY_ON_TARGET
            return self._shot("Shots on target" if on_target else "Shots off target", team, PENALTY_GOAL)
        outcome = _pick(self.rng, OUTCOMES, PASSAGE.get(restart, OPEN_PLAY))
        if outcome.startswith("Shots") and restart in SET_PIECE_SHOT_S:
            self.time_s += SET_PIECE_SHOT_S[restart]
        else:
            self.time_s += LEAD_S[outcome] + self.rng.exponential(self.play_mean_s)
        if outcome == "Ball out of play":
            return self._ball_out("open play", self._side(restart, team))
        if outcome == "Foul":
            return self._foul(_pick(self.rng, ("home", "away"), (0.5, 0.5)))
        team = self._side(restart, team)
        if outcome == "Offside":
            self._mark("Offside", team)
            marked = self.rng.random() < OFFSIDE_FREE_KICK_SHARE
            return self._restart("Indirect free-kick" if marked else "unmarked", other(team))
        return self._shot(outcome, team, GOAL_SHARE)

    def _shot(self, label: str, team: str, goal_share: float) -> tuple[str, str]:
        self._mark(label, team)
        if label == "Shots on target" and self.rng.random() < goal_share:
            self.time_s += self.rng.exponential(GOAL_DELAY_S)
            self._mark("Goal", team)
            return self._restart("Kick-off", other(team))
        if self.rng.random() < SHOT_OUT_SHARE[label]:
            self.time_s += self.rng.exponential(SHOT_OUT_S)
            return self._ball_out(label, team)
        return label, team

    def _ball_out(self, cause: str, team: str) -> tuple[str, str]:
        """The ball goes out after an attack of `team`."""
        self._mark("Ball out of play", "not applicable")
        restart = _pick(self.rng, RESTARTS, RESTART_SHARES[cause])
        if restart == "Throw-in":
            team = _pick(self.rng, ("home", "away"), (0.5, 0.5))
        return self._restart(restart, other(team) if restart == "Clearance" else team)

    def _foul(self, team: str) -> tuple[str, str]:
        """A foul by `team`: perhaps a card, then the other side's free kick."""
        self._mark("Foul", team)
        card = self._card(team)
        delay_s = 0.0
        if card:
            foul_s = self.time_s
            self.time_s += _lognormal(self.rng, CARD_S if card == "Yellow card" else SENDING_OFF_S)
            self._mark(card, team)
            delay_s, self.time_s = CARD_STOPPAGE_S + self.time_s - foul_s - CARD_S[0], foul_s
        restart = _pick(self.rng, FREE_KICKS, FREE_KICK_SHARES[bool(card)])
        return self._restart(restart, other(team), max(0.0, delay_s))

    def _card(self, team: str) -> str | None:
        second = SECOND_YELLOW_SHARE * self.booked[team]
        draw = self.rng.random() / CARD_HALF_FACTOR[self.half - 1]
        if draw < second:
            self.booked[team] -= 1
            return "Yellow->red card"
        if draw < second + RED_SHARE:
            return "Red card"
        if draw < second + RED_SHARE + YELLOW_SHARE:
            self.booked[team] += 1
            return "Yellow card"
        return None

    def _restart(self, restart: str, team: str, delay_s: float = 0.0) -> tuple[str, str]:
        """Wait for the restart; substitutions that are due happen before it and delay it."""
        ready_s = self.time_s + delay_s + _lognormal(self.rng, STOPPAGE_S[restart])
        stopped_s = self.time_s
        for number, substituted in enumerate(self._due()):
            pause_s = self.rng.exponential(AFTER_SUBSTITUTION_S[0])
            self.time_s += pause_s if number else delay_s + _lognormal(self.rng, SUBSTITUTION_S)
            self._substitute(substituted)
        if self.time_s > stopped_s:
            ready_s = max(ready_s, self.time_s + _lognormal(self.rng, AFTER_SUBSTITUTION_S))
        self.time_s = ready_s
        if restart != "unmarked":
            self._mark(restart, team)
        return restart, team

    def _due(self) -> list[str]:
        """Take the substitutions off the list that were to happen by now: their sides."""
        due = [team for when_s, team in self.substitutions if when_s <= self.time_s]
        del self.substitutions[: len(due)]
        return due

    def _substitute(self, team: str) -> None:
        if self.rng.random() < SUBSTITUTION_MARKED:
            self._mark("Substitution", team)

    def _side(self, restart: str, team: str) -> str:
        if self.rng.random() < SAME_SIDE.get(restart, SAME_SIDE_OPEN):
            return team
        return _pick(self.rng, ("home", "away"), (HOME_SHARE, 1.0 - HOME_SHARE))

    def _mark(self, label: str, team: str) -> None:
        fresh = math.sqrt(1 - RUN_CORRELATION**2) * self.rng.standard_normal()
        self.attention = RUN_CORRELATION * self.attention + fresh
        visible = NormalDist().cdf(self.attention) >= not_shown_share(label)
        if self.time_s < self.length_s:
            self.events.append(Event(self.half, int(self.time_s * 1000), label, team, visible))


def _substitutions(rng: np.random.Generator) -> dict[int, list[tuple[float, str]]]:
    """When each side means to replace players: half to (second, side); at second 0 means in the interval."""
    plans: dict[int, list[tuple[float, str]]] = {1: [], 2: []}
    for team in ("home", "away"):
        for _ in range(SUBSTITUTIONS):
            draw = rng.random()
            if draw < FIRST_HALF_SUBSTITUTIONS:
                plans[1].append((rng.uniform(600.0, HALF_S), team))
            elif draw < FIRST_HALF_SUBSTITUTIONS + INTERVAL_SUBSTITUTIONS:
                plans[2].append((0.0, team))
            else:
                plans[2].append((60.0 * max(1.0, rng.normal(*SUBSTITUTION_MINUTE)), team))
    return plans


def _pick(rng: np.random.Generator, names: tuple[str, ...], shares: tuple[float, ...]) -> str:
    """One of the names, with probabilities in proportion to `shares`."""
    draw = rng.random() * math.fsum(shares)
    for name, share in zip(names, shares, strict=True):
        draw -= share
        if draw < 0.0:
            return name
    return names[-1]


def _lognormal(rng: np.random.Generator, median_and_sigma: tuple[float, float]) -> float:
    median, sigma = median_and_sigma
    return float(median * math.exp(sigma * rng.standard_normal()))
