"""All rows of some halves in the memory of a device: read once, then every batch is gathered where it is used."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from soccerbench.data.features import HALVES, FeatureStore

SHARE_OF_FREE_MEMORY = 0.7  # the rest is for weights, activations and batches
ROWS_PER_COPY = 1024


class ResidentRows:
    """The features of some games on a device, in half precision where they are stored so.

    Args:
        store: the features.
        games: each with both halves.
        device: where they are to be.

    Attributes:
        first: (game, half) -> the half's first row in `rows`.
        rows: (N, C), all halves end to end.
    """

    def __init__(self, store: FeatureStore, games: Iterable[str], device: torch.device) -> None:
        self.first: dict[tuple[str, int], int] = {}
        count = 0
        for game in games:
            for half in HALVES:
                self.first[game, half] = count
                count += store.length(game, half)
        self.rows = torch.empty((count, store.width), dtype=stored_type(store), device=device)
        for (game, half), first in self.first.items():
            length = store.length(game, half)
            for start in range(0, length, ROWS_PER_COPY):
                taken = store.take(game, half, np.arange(start, min(start + ROWS_PER_COPY, length)))
                self.rows[first + start : first + start + len(taken)] = torch.from_numpy(taken)

    def take(self, rows: Tensor) -> Tensor:
        """Rows (…) as float32 features (…, C)."""
        return self.rows[rows].float()


def stored_type(store: FeatureStore) -> torch.dtype:
    """The smallest type that holds the features as they are stored."""
    return torch.float16 if store.is_half_precision else torch.float32


def has_room(device: torch.device, store: FeatureStore, games: Iterable[str]) -> bool:
    """Whether the features of some games fit into a GPU's memory; never true of the CPU, which reads as it goes."""
    if device.type != "cuda":
        return False
    rows = sum(store.length(game, half) for game in games for half in HALVES)
    free, _ = torch.cuda.mem_get_info(device)
    return rows * store.width * stored_type(store).itemsize < SHARE_OF_FREE_MEMORY * free
