"""What is known about real games, as numbers: the published SoccerNet-v2 statistics that the simulation follows.

Sources: the 500 public `Labels-v2.json` files (counts, visibility), the 50 public `Labels-replays.json` files of the
challenge games (replay lengths), and section 3.2.1 of the paper (replay delays and the order of the replayed classes).
"""

from __future__ import annotations

from soccerbench.soccernet.classes import CLASSES

PUBLIC_GAMES = 500

EVENT_TOTALS: dict[str, int] = dict(
    zip(
        CLASSES,
        (173, 2566, 1703, 2839, 2098, 5820, 5256, 7896, 31810, 18918, 11674, 10521, 2200, 4836, 2047, 55, 46),
        strict=True,
    )
)
"""Annotated events of each class in the 500 games."""

NOT_SHOWN_TOTALS: dict[str, int] = dict(
    zip(
        CLASSES,
        (0, 1863, 1, 498, 113, 15, 14, 4306, 1360, 5470, 224, 4787, 237, 607, 181, 1, 0),
        strict=True,
    )
)
"""Those among them that the broadcast does not show."""

DUPLICATED_SUBSTITUTIONS, DUPLICATED_OTHERS = 42, 27
"""Entries that repeat another one exactly."""

NEAR_DUPLICATES: dict[str, tuple[float, float]] = {
    "Goal": (0.033, 0.58),
    "Yellow card": (0.026, 1.24),
    "Shots on target": (0.036, 1.98),
}
"""Share of the events of a class that follow another one of it within 10 s, and the median of the seconds between."""

MEAN_UNSHOWN_RUN = 1.0875
"""Mean number of unshown events in a row."""

REPLAYS_PER_GAME = 62.9
REPLAY_MEDIAN_S, REPLAY_MEAN_S, REPLAY_P5_S, REPLAY_P95_S = 6.69, 7.25, 3.76, 12.9
OTHER_SHOTS_PER_GAME = 17.0
DIRECTLY_FOLLOWING_SHARE = 0.396
"""Replay shots that begin where another replay ends (1,246 of 3,146)."""
WITHIN_120_S_SHARE = 0.9283
"""Replays that end 0 to 120 s after the event they show."""
MOST_REPLAYED = ("Foul", "Goal", "Shots off target")
"""The most replayed classes, most frequent first."""


def events_per_game(label: str) -> float:
    """Mean number of events of a class in a game."""
    return EVENT_TOTALS[label] / PUBLIC_GAMES


def not_shown_share(label: str) -> float:
    """Share of the events of a class that the broadcast does not show."""
    return NOT_SHOWN_TOTALS[label] / EVENT_TOTALS[label]
