"""The seventeen SoccerNet-v2 events, in the order of the official scorer."""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    "Penalty",
    "Kick-off",
    "Goal",
    "Substitution",
    "Offside",
    "Shots on target",
    "Shots off target",
    "Clearance",
    "Ball out of play",
    "Throw-in",
    "Foul",
    "Indirect free-kick",
    "Direct free-kick",
    "Corner",
    "Yellow card",
    "Red card",
    "Yellow->red card",
)
CLASS_INDEX: dict[str, int] = {name: index for index, name in enumerate(CLASSES)}
