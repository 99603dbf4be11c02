"""What is known about real games, as numbers: the published SoccerNet-v2 statistics that the simulation follows.

Sources: the 500 public `Labels-v2.json` files, and the 50 public `Labels-replays.json` files of the challenge games.
What else is known of replays is in `tests/simulation/matches/test_broadcast.py`, which compares them.
"""

from __future__ import annotations

from soccerbench.soccernet.classes import CLASSES

EVENT_TOTALS: dict[str, int] = dict(
    zip(
        CLASSES,
        (173, 2566, 1703, 2839, 2098, 5820, 5256, 7896, 31810, 18918, 11674, 10521, 2200, 4836, 2047, 55, 46),
        strict=True,
    )
)
"""Annotated events of each class in the 500 games."""

NOT_SHOWN_TOTALS: dict[str, int] = dict(
    zip(CLASSES, (0, 1863, 1, 498, 113, 15, 14, 4306, 1360, 5470, 224, 4787, 237, 607, 181, 1, 0), strict=True)
)
"""Those among them that the broadcast does not show."""

DUPLICATED_SHARE = dict.fromkeys(CLASSES, 27 / 107_619) | {"Substitution": 42 / 2839}
"""Share of the entries of a class that repeat another one exactly: 42 substitutions, 27 of all others."""

NEAR_DUPLICATES: dict[str, tuple[float, float]] = {
    "Goal": (0.033, 0.58),
    "Yellow card": (0.026, 1.24),
    "Shots on target": (0.036, 1.98),
}
"""Share of the events of a class that follow another one of it within 10 s, and the median of the seconds between."""

OTHER_SHOTS_PER_GAME = 17.0


def not_shown_share(label: str) -> float:
    """Share of the events of a class that the broadcast does not show."""
    return NOT_SHOWN_TOTALS[label] / EVENT_TOTALS[label]
