"""Statistics of the rows of one half in one pass, for the checks of `data verify`.

The largest and the smallest value of each block in each row are enough: a non-finite value is one of the two, a row of
zeros has both at zero, and a constant block has the same two in every row. A block that seems constant is read a second
time and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from soccerbench.features.rows import StoredRows

PIECE_BYTES = 2**20  # stays in a core's cache
SAMPLED = 16  # one piece in this many is examined column by column


@dataclass(frozen=True)
class HalfStatistics:
    """Statistics of one half."""

    not_finite: NDArray[np.int64]  # rows with a value that is not finite
    zero: NDArray[np.int64]  # rows of zeros only
    constant: tuple[int, ...]  # indices of blocks that are the same in every row
    negative: NDArray[np.bool_]  # (width,) columns with a negative value in the sampled rows
    crc32: int  # of the bytes as they are stored


def statistics_of(stored: StoredRows, widths: Sequence[int], *, begin: bytes = b"") -> HalfStatistics:
    """Read one half once.

    Args:
        begin: bytes to be checksummed before the rows.
    """
    bounds = np.cumsum([0, *widths])
    count = max(1, PIECE_BYTES // stored.row_bytes)
    buffer = np.empty((count, stored.width), np.float32)
    high = np.empty((stored.rows, len(widths)), np.float32)
    low = np.empty_like(high)
    negative = np.zeros(stored.width, bool)
    checksum, row = crc32(begin), 0
    with np.errstate(invalid="ignore"):
        for number, piece in enumerate(stored.pieces(count)):
            checksum = crc32(piece.view(np.uint8).data, checksum)
            values = buffer[: len(piece)]
            values[...] = piece
            for block, (start, stop) in enumerate(pairwise(bounds)):
                values[:, start:stop].max(axis=1, out=high[row : row + len(values), block])
                values[:, start:stop].min(axis=1, out=low[row : row + len(values), block])
            if number % SAMPLED == 0:
                negative |= (values < 0).any(axis=0)
            row += len(piece)
    finite = np.isfinite(high).all(axis=1) & np.isfinite(low).all(axis=1)
    still = (high == high[0]).all(axis=0) & (low == low[0]).all(axis=0) & (stored.rows > 1)
    if still.any():
        still &= _is_constant(stored, bounds)
    return HalfStatistics(
        not_finite=np.flatnonzero(~finite),
        zero=np.flatnonzero((high == 0).all(axis=1) & (low == 0).all(axis=1)),
        constant=tuple(np.flatnonzero(still).tolist()),
        negative=negative,
        crc32=checksum,
    )


def _is_constant(stored: StoredRows, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(blocks,) which of the blocks between `bounds` are the same in every row."""
    first, same = stored.take(np.arange(1), slice(None)), np.ones(stored.width, bool)
    for piece in stored.pieces(max(1, PIECE_BYTES // stored.row_bytes)):
        same &= (piece == first).all(axis=0)
    return np.array([same[start:stop].all() for start, stop in pairwise(bounds)])


def place_of_block(negative: NDArray[np.bool_], widths: Sequence[int], block: int) -> int | None:
    """The most likely place of the one block that can be negative among the others, which end in a ReLU.

    Args:
        negative: (width,) columns with a negative value.
        block: the index of the one without a ReLU.

    Returns:
        Its place in the order, or None where the columns do not show it.
    """
    others = [width for index, width in enumerate(widths) if index != block]
    contrasts = []
    for start in np.cumsum([0, *others]):
        inside = np.zeros(len(negative), bool)
        inside[start : start + widths[block]] = True
        contrasts.append(negative[inside].mean() - negative[~inside].mean())
    best = int(np.argmax(contrasts))
    return best if contrasts[best] > 0.5 else None
