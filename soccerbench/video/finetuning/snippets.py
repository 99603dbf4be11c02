"""The 18-class snippets: five seconds of video, centred on an event or on background.

Source: section 2.2 of the paper: each snippet centres at one of the 17 classes of events or randomly samples from
background (non-event). How much background, it does not say.

Conventions
    label       0 is background; 1 to 17 are `soccernet.classes.CLASSES` in order
    centre      an event's own position; near an edge of the half the centre stays and frames are repeated
    visible     events that are not on screen are snippets, too, as they are labels of the spotting task
    background  whole seconds, drawn from (seed, game, half) alone: its five seconds are in the video and share no
                moment with those of an event, shown or not, or of other background; none is later than the half's last
                event, after which the half may not be annotated
    ambiguous   an event with one of another class less than 2.5 s away
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccerbench.events import Events
from soccerbench.soccernet.classes import CLASSES
from soccerbench.video.decoding.half_file import Stretch

SNIPPET_S = 5
AMBIGUOUS_S = 2.5
BACKGROUND = 0
SNIPPET_CLASSES: tuple[str, ...] = ("background", *CLASSES)


@dataclass(frozen=True)
class Snippet:
    """One snippet of a half, and the split that it belongs to."""

    game: str
    half: int
    centre_s: float  # from the first picture of the video file
    label: int  # index into SNIPPET_CLASSES
    split: str
    video: Stretch
    ambiguous: bool = False  # an event of another class is less than AMBIGUOUS_S away


def snippets_of_half(
    labels: Events, game: str, half: int, duration_s: float, *, background: int, seed: int
) -> list[tuple[int, int, bool]]:
    """Centre in milliseconds, label and ambiguity of the snippets of one half, in the order of time.

    Args:
        labels: of the game; an event after the end of the video has no snippet.
        background: as many, or as many as there is room for.
        seed: draws the background; other games and their number do not change what is drawn for this half.
    """
    chosen = labels.half == half
    position_ms, label = labels.position_ms[chosen], labels.label[chosen]
    digest = hashlib.sha256(f"{game}/{half}".encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    quiet = background_centres(position_ms, duration_s, background, rng)
    ambiguous = ambiguous_events(position_ms, label)
    events = zip(position_ms.tolist(), (label + 1).tolist(), ambiguous.tolist(), strict=True)
    inside = [event for event in events if event[0] < 1000 * duration_s]
    return sorted(inside + [(centre, BACKGROUND, False) for centre in quiet])


def ambiguous_events(position_ms: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the events (N,) of one half have one of another class less than AMBIGUOUS_S away."""
    near = np.abs(position_ms[:, None] - position_ms[None]) < 1000 * AMBIGUOUS_S  # (N, N)
    return np.asarray((near & (label[:, None] != label[None])).any(axis=1), np.bool_)


def background_centres(
    position_ms: NDArray[np.int64], duration_s: float, count: int, rng: np.random.Generator
) -> list[int]:
    """Draw up to `count` centres of background between the events of one half, in milliseconds, increasing."""
    if not len(position_ms):
        return []
    length_ms, reach_ms = 1000 * SNIPPET_S, 500 * SNIPPET_S
    end_ms = min(1000 * duration_s - reach_ms, float(position_ms.max()))
    seconds = 1000 * np.arange(math.ceil(reach_ms / 1000), max(0, math.floor(end_ms / 1000)) + 1)
    distance = np.abs(seconds[:, None] - position_ms[None]).min(axis=1)
    chosen: list[int] = []
    for centre in rng.permutation(seconds[distance >= length_ms]).tolist():
        if len(chosen) == count:
            break
        if all(abs(centre - other) >= length_ms for other in chosen):
            chosen.append(centre)
    return sorted(chosen)
