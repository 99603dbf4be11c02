"""Feature files written row by row: the .npy that `numpy.save` would write, without holding it in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError

Normalise = Literal["l2", "none"]
NORMALISATIONS: dict[str, str] = {
    "l2": "each block's row is divided by its Euclidean length; a row of zeros stays",
    "none": "the models' values as they are",
}
PIECE_ROWS = 1024


class Written(NamedTuple):
    """What a feature file holds, and the hash of its values."""

    rows: int
    width: int
    sha256: str


class RowsFile:
    """A float32 .npy that grows row by row.

    Args:
        stream: a new file, open for writing bytes.
        width: of each row.
    """

    def __init__(self, stream: IO[bytes], width: int) -> None:
        self._stream, self._width, self._rows = stream, width, 0
        self._hash = hashlib.sha256()
        self._write_header()

    def append(self, rows: NDArray[np.floating[Any]]) -> None:
        """Write (N, width) rows.

        Raises:
            ValueError: of another width.
        """
        if rows.ndim != 2 or rows.shape[1] != self._width:
            raise ValueError(f"rows of shape {rows.shape}, expected (N, {self._width})")
        data = np.ascontiguousarray(rows, dtype="<f4").tobytes()
        self._stream.write(data)
        self._hash.update(data)
        self._rows += len(rows)

    def finish(self) -> Written:
        """Put the number of rows into the header; the file is complete."""
        self._stream.seek(0)
        self._write_header()
        self._stream.flush()
        return Written(self._rows, self._width, self._hash.hexdigest())

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, self._width)}
        np.lib.format.write_array_header_1_0(self._stream, header)


def normalised(rows: NDArray[np.floating[Any]], how: Normalise) -> NDArray[np.floating[Any]]:
    """Rows (N, width) of one block as they are stored."""
    if how == "none":
        return rows
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1)


def pieces(path: Path) -> Iterator[NDArray[np.float32]]:
    """The rows of a feature file, PIECE_ROWS at a time.

    Raises:
        InputError: no readable (rows, width) float32 file.
    """
    again = "extract the half again"
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(path, f"no readable feature file ({error})", again) from None
    if not isinstance(values, np.memmap) or values.ndim != 2 or values.dtype != np.float32:
        raise InputError(path, "is not a 2-d array of float32", again)
    for start in range(0, len(values), PIECE_ROWS):
        yield np.array(values[start : start + PIECE_ROWS])


def read_back(path: Path) -> Written:
    """Read a feature file whole.

    Raises:
        InputError: as `pieces`, or values that are not finite.
    """
    digest, rows, width = hashlib.sha256(), 0, 0
    for piece in pieces(path):
        if not np.isfinite(piece).all():
            raise InputError(path, f"a value after row {rows} is not finite", "extract the half again")
        digest.update(piece.tobytes())
        rows, width = rows + len(piece), piece.shape[1]
    return Written(rows, width, digest.hexdigest())


def is_whole(path: Path, written: Written) -> bool:
    """Whether a file is there and holds what was written."""
    try:
        return read_back(path) == written
    except InputError:
        return False
