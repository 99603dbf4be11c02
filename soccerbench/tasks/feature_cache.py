"""Feature cache: the features of a split in the memory of the device, in the precision in which they are stored.

A split that fits is read once, and every batch is gathered there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from soccerbench.features.store import HALVES, FeatureStore

SHARE_OF_FREE_MEMORY = 0.7  # of a GPU; the rest is for weights, activations and batches
CPU_BYTES = 2**28  # of a split that is cached for a CPU: reading small batches takes longer than computing with them
READERS = 8
ROWS_PER_BATCH = 4096


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
        with ThreadPoolExecutor(READERS) as pool:
            parts = [self.rows[first : self._last[key] + 1] for key, first in self.first.items()]
            list(pool.map(lambda key, part: load(store, key[0], key[1], part), keys, parts))

    def take(self, places: Sequence[tuple[str, int, int]], length: int) -> Tensor:
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
