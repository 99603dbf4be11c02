"""How two players and a ball move at each of the seventeen events.

Five phases describe the group: where it is (x, y), how far it has turned, how large its players are and how wide the
gap between them. Each phase lives on a circle, begins at a place drawn evenly from it, and is moved by a velocity that
does not depend on the phase. So at every moment each phase is still spread evenly for every event: no single picture
distinguishes the classes, only the change from picture to picture does.

Conventions
    phase     in [0, 1), and 1 is 0 again; y grows downwards, size and gap jump from largest to smallest
    velocity  turns of a phase a second
    u_s       seconds since the event
    side      +1 or -1: x and turn are mirrored, so that a mirrored picture shows the same class
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from soccerbench.soccernet.classes import CLASSES

Floats = NDArray[np.float64]

PHASES = ("x", "y", "turn", "size", "gap")
MIRRORED = ("x", "turn")
RATE = 0.4  # of a steady motion
DASH = 0.7  # of a motion that lasts only half of the event
SWING, SWING_HZ = 0.16, 0.5  # amplitude in turns and frequency of a motion to and fro
HOLD_S, FADE_S = 2.3, 0.4  # the motion is whole so long on both sides of the event, and then fades
WANDER, WANDER_S = 0.25, 0.5  # spread and memory of the aimless motion between events
TREMBLE = 0.1  # share of the aimless motion that stays during an event
PACE = (0.85, 1.15)  # how much slower or faster than the others an event may be


PROFILES: dict[str, Callable[[Floats], Floats]] = {  # velocity at each second from the event
    "steady": lambda u_s: np.full_like(u_s, RATE),
    "back": lambda u_s: np.full_like(u_s, -RATE),
    "swing": lambda u_s: 2 * np.pi * SWING_HZ * SWING * np.cos(2 * np.pi * SWING_HZ * u_s),
    "cross swing": lambda u_s: 2 * np.pi * SWING_HZ * SWING * np.sin(2 * np.pi * SWING_HZ * u_s),
    "until then": lambda u_s: np.where(u_s < 0, DASH, 0.0),
    "from then": lambda u_s: np.where(u_s < 0, 0.0, DASH),
}
MOTIONS: dict[str, dict[str, str]] = {
    "Penalty": {"x": "from then"},
    "Kick-off": {"gap": "steady"},
    "Goal": {"size": "steady"},
    "Substitution": {"gap": "back"},
    "Offside": {"y": "back"},
    "Shots on target": {"x": "steady"},
    "Shots off target": {"x": "steady", "y": "back"},
    "Clearance": {"x": "steady", "y": "steady"},
    "Ball out of play": {"y": "steady"},
    "Throw-in": {"x": "swing", "y": "cross swing"},
    "Foul": {"turn": "steady"},
    "Indirect free-kick": {"x": "swing"},
    "Direct free-kick": {"y": "swing"},
    "Corner": {"x": "steady", "turn": "steady"},
    "Yellow card": {"turn": "swing"},
    "Red card": {"size": "back"},
    "Yellow->red card": {"x": "until then"},
}
assert tuple(MOTIONS) == CLASSES


def envelope(u_s: Floats) -> Floats:
    """How much of the event's motion there is, 0 to 1, at seconds (T,) from it."""
    return np.clip((HOLD_S + FADE_S - np.abs(u_s)) / FADE_S, 0, 1)


def wander(frames: int, columns: int, fps: int, rng: np.random.Generator) -> Floats:
    """Aimless velocities (frames, columns): smooth noise, each column by itself."""
    reach = round(2 * WANDER_S * fps)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (WANDER_S * fps)) ** 2)
    noise = rng.normal(scale=WANDER / np.linalg.norm(kernel), size=(frames + 2 * reach, columns))
    return np.stack([np.convolve(column, kernel, mode="valid") for column in noise.T], axis=1)


def phases(label: str | None, event_frame: int, frames: int, fps: int, rng: np.random.Generator) -> Floats:
    """The five phases at each frame of a shot: (T, 5), in the order of PHASES, not yet wrapped into [0, 1).

    Args:
        label: the class of its event; None for a shot without one.
        rng: where it begins, its side and pace, and its aimless motion.
    """
    begin = rng.random(len(PHASES))
    aimless = wander(frames, len(PHASES), fps, rng)
    side, pace, lead_s = rng.choice([-1, 1]), rng.uniform(*PACE), rng.random() / SWING_HZ
    velocity = aimless
    if label is not None:
        u_s = (np.arange(frames) - event_frame) / fps
        share = envelope(u_s)
        velocity = aimless * (1 - (1 - TREMBLE) * share)[:, None]
        for phase, profile in MOTIONS[label].items():
            mirror = side if phase in MIRRORED else 1
            lead = lead_s if "swing" in profile else 0.0
            velocity[:, PHASES.index(phase)] += mirror * pace * share * PROFILES[profile](u_s + lead)
    passed: Floats = begin + np.cumsum(velocity, axis=0) / fps
    return passed
