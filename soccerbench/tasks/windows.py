"""Windows of feature rows: runs of one length, read at many places at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soccerbench.features.rows import all_finite
from soccerbench.features.store import FeatureStore
from soccerbench.tasks.feature_cache import CachedRows, stored_type

READERS = max(1, min((os.cpu_count() or 1) // 4, 4))  # threads that read a batch; more are not faster
WINDOWS_PER_PIECE = 8  # read and widened together: a piece of released features stays in the cache
Place = tuple[str, int, int]  # game, half, first row


class Windows:
    """Reads windows of one length.

    Args:
        store: the features; every half that is read has been opened before, so that its type is known.
        frames: rows in a window; past the end of a half its last row is repeated.
    """

    def __init__(self, store: FeatureStore, frames: int) -> None:
        self.store, self.frames = store, frames
        self._streamed = False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="windows")
        self._held: CachedRows | None = None

    def stream(self) -> None:
        """Return windows in the stored type, in pinned memory, so that copies to a GPU overlap with its work."""
        self._streamed = True

    def hold(self, games: Iterable[str], device: torch.device) -> None:
        """Cache all features of some games on a device; windows are then gathered there."""
        self._held = CachedRows(self.store, games, device)

    def read(self, places: Sequence[Place]) -> Tensor:
        """The windows at some places, (B, T, C): in the stored type if cached or streamed to a GPU, else float32.

        Raises:
            InputError: features that cannot be read, or a value that is not finite.
        """
        if self._held is not None:
            return self._held.take(places, self.frames)
        shape = (len(places), self.frames, self.store.width)
        if self._streamed:
            features = torch.empty(shape, dtype=stored_type(self.store), pin_memory=torch.cuda.is_available())
        else:
            features = torch.empty(shape)
        bounds = np.linspace(0, len(places), READERS + 1).astype(int).tolist()
        parts = [(features.numpy()[a:b], places[a:b]) for a, b in pairwise(bounds)]
        list(self._readers.map(self._read, *zip(*parts, strict=True)))
        return features

    def _read(self, features: NDArray[Any], places: Sequence[Place]) -> None:
        """Fill `features`, (B, T, C), which are float32 or what is stored."""
        stored = torch.empty((WINDOWS_PER_PIECE, *features.shape[1:]), dtype=stored_type(self.store)).numpy()
        for start in range(0, len(places), WINDOWS_PER_PIECE):
            wanted = features[start : start + WINDOWS_PER_PIECE]
            piece = wanted if wanted.dtype == stored.dtype else stored[: len(wanted)]
            self.store.read_stored(places[start : start + WINDOWS_PER_PIECE], piece)
            if not all_finite(piece):
                for game, half, first in places[start : start + WINDOWS_PER_PIECE]:
                    rows = np.arange(first, min(first + self.frames, self.store.length(game, half)))
                    self.store.take(game, half, rows)  # raises, with the place
            if piece is not wanted:
                torch.from_numpy(wanted).copy_(torch.from_numpy(piece))
