"""Feature rows for the tasks: windows read at many places at once, whole halves, and a cache on a device.

The cache holds the rows of a split in the precision in which they are stored. A split that fits is read once, and every
batch is gathered there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.features.rows import all_finite
from soccerbench.features.store import HALVES, FeatureStore

READERS = max(1, min((os.cpu_count() or 1) // 4, 4))  # threads that read a batch; more are not faster
WINDOWS_PER_PIECE = 8  # read and widened together: a piece of released features stays in the cache
SHARE_OF_FREE_MEMORY = 0.7  # of a GPU; the rest is for weights, activations and batches
CPU_BYTES = 2**28  # of a split that is cached for a CPU: reading small batches takes longer than computing with them
CACHE_READERS = 8
ROWS_PER_BATCH = 4096
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


class CachedRows:
    """The features of some games, cached on a device.

    Attributes:
        first: (game, half) -> the half's first row in `rows`.
        rows: (N, C), all halves end to end.

    Raises:
        InputError: features that cannot be read, or a value that is not finite.
    """

    def __init__(self, store: FeatureStore, games: Iterable[str], device: torch.device) -> None:
        keys = [(game, half) for game in games for half in HALVES]
        *starts, count = np.cumsum([0, *(store.length(*key) for key in keys)]).tolist()
        self.first = dict(zip(keys, starts, strict=True))
        self._last = {key: first + store.length(*key) - 1 for key, first in self.first.items()}
        self.rows = torch.empty((count, store.width), dtype=stored_type(store), device=device)
        with ThreadPoolExecutor(CACHE_READERS) as pool:
            parts = [self.rows[first : self._last[key] + 1] for key, first in self.first.items()]
            list(pool.map(lambda key, part: load(store, key[0], key[1], part), keys, parts))

    def take(self, places: Sequence[Place], length: int) -> Tensor:
        """Windows (B, length, C), in the type of the cache, from (game, half, first row); a half's last row repeats."""
        first = np.array([self.first[game, half] + start for game, half, start in places])
        last = np.array([self._last[game, half] for game, half, _ in places])
        rows = np.minimum(first[:, None] + np.arange(length), last[:, None])
        wanted = torch.from_numpy(rows.ravel()).to(self.rows.device, non_blocking=True)
        return self.rows.index_select(0, wanted).view(*rows.shape, -1)  # several times as fast on a CPU as indexing


def load(store: FeatureStore, game: str, half: int, there: Tensor) -> None:
    """Copy one half into `there`, (T, C), and check that all values are finite."""
    rows = np.arange(len(there))
    stored = store.take_stored(game, half, rows)
    there.copy_(torch.from_numpy(stored.astype(stored.dtype.newbyteorder("="), copy=False)))
    if not there.isfinite().all():
        store.take(game, half, rows)  # raises, with the place


def whole_half(store: FeatureStore, game: str, half: int, device: torch.device) -> Tensor:
    """All rows of one half on a device, float32 (T, C).

    Raises:
        InputError: features that cannot be read, or a value that is not finite.
    """
    length = store.length(game, half)
    if device.type == "cpu":
        return torch.from_numpy(store.take(game, half, np.arange(length)))
    there = torch.empty((length, store.width), dtype=stored_type(store), device=device)
    load(store, game, half, there)
    return there.float()


@torch.no_grad()
def embedded_half(embed: nn.Module, store: FeatureStore, game: str, half: int, device: torch.device) -> Tensor:
    """Every row of a half through a projection once: (T, d)."""
    rows = np.array_split(np.arange(store.length(game, half)), -(-store.length(game, half) // ROWS_PER_BATCH))
    return torch.cat([embed(torch.from_numpy(store.take(game, half, some)).to(device)) for some in rows])


def stored_type(store: FeatureStore) -> torch.dtype:
    """The smallest type that holds the features as they are stored."""
    return torch.float16 if store.is_half_precision else torch.float32


def has_room(device: torch.device, store: FeatureStore, games: Iterable[str]) -> bool:
    """Whether the features of some games fit into a GPU's memory; for a CPU, whether they are few."""
    rows = sum(store.length(game, half) for game in games for half in HALVES)
    needed = rows * store.width * stored_type(store).itemsize
    if device.type == "cpu":
        return needed <= CPU_BYTES
    torch.cuda.empty_cache()  # memory freed by earlier rows counts as used until then
    free, _ = torch.cuda.mem_get_info(device)
    return needed < SHARE_OF_FREE_MEMORY * free
