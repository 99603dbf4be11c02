"""Means and deviations of feature blocks, for rows that standardise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.models.sliding import Standardised

PIECE_ROWS = 512


def block_statistics(pieces: Iterable[NDArray[np.float32]], widths: Sequence[int]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each block over all pieces (T, C), in one pass."""
    count, total, squares = 0, np.zeros(len(widths)), np.zeros(len(widths))
    starts = np.cumsum([0, *widths[:-1]])
    for piece in pieces:
        values = piece.astype(np.float64)
        count += len(values)
        total += np.add.reduceat(values.sum(axis=0), starts)
        squares += np.add.reduceat(np.square(values).sum(axis=0), starts)
    means = total / (count * np.array(widths))
    deviations = np.sqrt(np.maximum(squares / (count * np.array(widths)) - means**2, 1e-12))
    return means.tolist(), deviations.tolist()


def standardised(head: nn.Module, store: FeatureStore, games: Iterable[str]) -> Standardised:
    """A module that takes features, behind the statistics of some games."""
    means, deviations = block_statistics(_pieces(store, games), store.widths)
    return Standardised(head, widths=store.widths, means=means, deviations=deviations)


def _pieces(store: FeatureStore, games: Iterable[str]) -> Iterator[NDArray[np.float32]]:
    """All features of some games, a piece of a half at a time."""
    for game in games:
        for half in HALVES:
            length = store.length(game, half)
            for start in range(0, length, PIECE_ROWS):
                yield store.take(game, half, np.arange(start, min(start + PIECE_ROWS, length)))
