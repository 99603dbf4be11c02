"""Which chunks CALF-more-negative is trained on, and what it should say about them.

Source: the released CALF-more-negative code: of every replay and epoch one chunk around its event, one around the event
of another replay of the same class and half, and some anywhere in the half. Targets come from where the event really
is, so that a chunk meant as a negative may hold it.

Conventions
    around   the event lies between one receptive field from the chunk's first row and one from its last
    edges    a chunk that would leave the half is moved inside; a half shorter than a chunk repeats its last row
    alone    where no other replay shows an event of the class, a chunk anywhere takes its place
    shift    row minus row of the event
    offset   of the event from the chunk's first row (0) to its last (1)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from soccerbench.specs.grounding import CmnSampling
from soccerbench.tasks.replay_queries import Query

Starts = NDArray[np.int64]


class CmnSampler:
    """Draws the first rows of chunks for replays.

    Args:
        queries: the replays that are learnt from.
        lengths: rows of each replay's half.
        chunk: rows in a chunk.
        field: rows in the receptive field.
    """

    def __init__(self, queries: Sequence[Query], lengths: Sequence[int], *, chunk: int, field: int) -> None:
        self.queries, self.chunk, self.field = queries, chunk, field
        self._last = [max(length - chunk, 0) for length in lengths]
        self._events: dict[tuple[str, int, int], set[int]] = defaultdict(set)
        for asked in queries:
            self._events[asked.game, asked.half, asked.label].add(asked.event)

    def rounds(self, chosen: Starts, sampling: CmnSampling, rng: np.random.Generator) -> Iterator[Starts]:
        """The first rows of one chunk for each chosen replay, kind after kind."""
        kinds = [self.positive] * sampling.positive + [self.same_class] * sampling.same_class
        for kind in [*kinds, *[self.anywhere] * sampling.random]:
            yield np.array([kind(number, rng) for number in chosen.tolist()], dtype=np.int64)

    def positive(self, number: int, rng: np.random.Generator) -> int:
        """A chunk around the replay's own event."""
        return self._around(number, self.queries[number].event, rng)

    def same_class(self, number: int, rng: np.random.Generator) -> int:
        """A chunk around another event of the same class in the same half."""
        asked = self.queries[number]
        others = sorted(self._events[asked.game, asked.half, asked.label] - {asked.event})
        return self._around(number, int(rng.choice(others)), rng) if others else self.anywhere(number, rng)

    def anywhere(self, number: int, rng: np.random.Generator) -> int:
        """A chunk anywhere in the half."""
        return int(rng.integers(0, self._last[number] + 1))

    def targets(self, chosen: Starts, starts: Starts) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the model should say: shifts (B, T, 1), and presence and offset (B, 1, 2)."""
        events = np.array([self.queries[number].event for number in chosen.tolist()])
        place = events - starts  # (B,) row of the event in its chunk
        shifts = (np.arange(self.chunk) - place[:, None]).astype(np.float32)
        present = (place >= 0) & (place < self.chunk)
        spotting = np.stack([present, np.where(present, place / (self.chunk - 1), 0)], axis=-1)
        return shifts[..., None], spotting[:, None].astype(np.float32)

    def _around(self, number: int, event: int, rng: np.random.Generator) -> int:
        start = event - int(rng.integers(self.field, self.chunk - self.field + 1))
        return min(max(start, 0), self._last[number])
