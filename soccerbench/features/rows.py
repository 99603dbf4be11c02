"""Rows of one half: their place in a file, reading them, and rounding them to half precision.

Files are read, not mapped: a file that shrinks while it is mapped kills the process; while it is read, it is an error
that names the file.

Conventions
    narrowing  rounds to nearest, ties to even; a value above LARGEST_HALF is refused
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError, os_error

LARGEST_HALF = 65504.0  # the largest finite half-precision value
SMALLEST_NORMAL = 2.0**-14  # below it the spacing of half-precision values no longer shrinks
LARGEST_GAP = 4  # rows between two requested ones that are read too rather than skipped


@dataclass(frozen=True)
class StoredRows:
    """The rows of one half in one file, (rows, width)."""

    path: Path  # the file
    offset: int  # byte of the first row
    rows: int  # how many there are
    width: int  # values in a row
    dtype: np.dtype[Any]  # of the stored values
    place: str = ""  # names the half in messages if the file holds several; ends in a colon and a space
    by_columns: bool = False  # stored column after column, in Fortran's order

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.rows * self.row_bytes

    def take(self, rows: NDArray[np.int64], columns: slice) -> NDArray[Any]:
        """Some columns of some rows as they are stored.

        Args:
            rows: any shape (…), each in [0, rows).

        Returns:
            (…, columns).

        Raises:
            InputError: the file cannot be read or became shorter.
        """
        is_run = rows.ndim == 1 and len(rows) and (np.diff(rows) == 1).all()
        wanted = rows if is_run else np.unique(rows)
        runs = [run for run in np.split(wanted, np.flatnonzero(np.diff(wanted) > LARGEST_GAP) + 1) if len(run)]
        spans = [np.empty((int(run[-1] - run[0]) + 1, self.width), self.dtype) for run in runs]
        with _reading(self.path) as descriptor:
            for span, run in zip(spans, runs, strict=True):
                self.fill(descriptor, span, int(run[0]))
        if is_run:
            return spans[0][:, columns]
        if len(spans) == 1:
            return spans[0][rows - wanted[0], columns]
        kept = [span[run - run[0], columns] for span, run in zip(spans, runs, strict=True)]
        joined = np.concatenate(kept) if kept else np.empty((0, self.width), self.dtype)[:, columns]
        return joined[np.searchsorted(wanted, rows)]

    def pieces(self, count: int) -> Iterator[NDArray[Any]]:
        """All rows in order, `count` at a time; each piece is overwritten by the next."""
        if self.by_columns:
            values = self.take(np.arange(self.rows), slice(None))
            yield from (values[start : start + count] for start in range(0, self.rows, count))
            return
        buffer = np.empty((min(count, self.rows), self.width), self.dtype)
        with _reading(self.path) as descriptor:
            for start in range(0, self.rows, count):
                piece = buffer[: self.rows - start]
                self.fill(descriptor, piece, start)
                yield piece

    def announce(self, descriptor: int, first: int, count: int) -> None:
        """Advise the system that `count` rows from row `first` on will be read soon."""
        if hasattr(os, "posix_fadvise") and not self.by_columns:
            offset = self.offset + first * self.row_bytes
            with suppress(OSError):  # a file system without this call
                os.posix_fadvise(descriptor, offset, count * self.row_bytes, os.POSIX_FADV_WILLNEED)

    def fill(self, descriptor: int, values: NDArray[Any], first: int) -> None:
        """Read whole rows from row `first` on into `values`; `descriptor` is the opened file's."""
        if not self.by_columns:
            self._read(descriptor, values, self.offset + first * self.row_bytes)
            return
        columns = np.empty((self.width, len(values)), self.dtype)
        if len(values) == self.rows:
            self._read(descriptor, columns, self.offset)
        else:
            for column, into in enumerate(columns):
                self._read(descriptor, into, self.offset + (column * self.rows + first) * self.dtype.itemsize)
        values[...] = columns.T

    def _read(self, descriptor: int, values: NDArray[Any], position: int) -> None:
        left = values.view(np.uint8).data.cast("B")
        try:
            while left:
                count = os.preadv(descriptor, [left], position)
                if not count:
                    raise InputError(self.path, f"{self.place}became shorter while it was read", "copy the file again")
                left, position = left[count:], position + count
        except OSError as error:
            raise os_error(self.path, error, remedy="copy the file again", place=self.place) from None


def stored_rows(path: Path, *, remedy: str = "give another file") -> StoredRows:
    """The rows of a feature file of any width, as its header describes them."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(path, "missing", remedy) from None
    except OSError as error:
        raise os_error(path, error, remedy=remedy) from None
    except Exception as error:  # whatever damage makes the parser of headers raise
        problem, trusted = _damage(path, str(error))
        raise InputError(path, f"not a readable feature file ({problem})", trusted or remedy) from None
    if not isinstance(values, np.memmap):
        values.close()
        raise InputError(path, "is an archive of arrays", "save one array (rows, width) with numpy.save")
    if values.ndim != 2 or values.dtype.kind != "f":
        kind = f"{values.ndim}-d {values.dtype}"
        raise InputError(path, f"is {kind}, not a 2-d array of floats", "save (rows, width) with numpy.save")
    if not values.size:
        raise InputError(path, f"has shape {values.shape}, expected at least one row", "extract the half again")
    by_columns = not values.flags.c_contiguous
    return StoredRows(path, values.offset, len(values), values.shape[1], values.dtype, by_columns=by_columns)


def _damage(path: Path, said: str) -> tuple[str, str]:
    """What is wrong with a file that numpy refused, and the remedy for pickles; numpy calls any other file a pickle."""
    with path.open("rb") as stream:
        begin = stream.read(6)
    if begin[:1] == b"\x80" or (begin == b"\x93NUMPY" and "object" in said.lower()):
        return "pickled objects, which can run code when loaded", "save its array with numpy.save instead"
    if begin != b"\x93NUMPY":
        return "it does not begin as a .npy file", ""
    return "truncated" if "mmap length" in said else said, ""


def read_runs(runs: Iterable[tuple[StoredRows, int, NDArray[Any]]]) -> None:
    """Read runs of neighbouring rows, opening each file once.

    Args:
        runs: the stored rows, the first row to read, and the output array, (n, width) of the stored type.
    """
    runs = list(runs)
    with ExitStack() as files:
        paths = dict.fromkeys(stored.path for stored, _, _ in runs)  # in order, so that the first missing file is named
        opened = {path: files.enter_context(_reading(path)) for path in paths}
        for stored, first, out in runs:  # disks are fastest with several reads queued
            stored.announce(opened[stored.path], first, len(out))
        for stored, first, out in runs:
            stored.fill(opened[stored.path], out, first)


@contextmanager
def _reading(path: Path) -> Iterator[int]:
    """An open file descriptor."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise os_error(path, error, remedy="copy the file again") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Rounding:
    """What narrowing lost."""

    relative: float = 0.0  # the largest |error| / max(|value|, SMALLEST_NORMAL)
    absolute: float = 0.0  # the largest |error| over all values

    def __or__(self, other: Rounding) -> Rounding:
        return Rounding(max(self.relative, other.relative), max(self.absolute, other.absolute))


def all_finite(values: NDArray[Any]) -> bool:
    """Whether floats of any kind are all finite."""
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    return int((values.view(np.uint16) & 0x7FFF).max(initial=0)) < 0x7C00  # numpy would convert each value first


def narrow(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], Rounding]:
    """Round finite float32 values to half precision, and measure what that loses.

    Returns:
        Halves of the same shape, and what was lost.
    """
    size = np.abs(values)
    largest = float(size.max(initial=0))
    if not np.isfinite(largest):
        raise ValueError("a value is not finite")
    if largest > LARGEST_HALF:
        raise ValueError(f"value {largest:.6g} is above {LARGEST_HALF:.0f}, the largest of half precision")
    halves = values.astype(np.float16)
    error = halves.astype(np.float32)
    error -= values
    np.abs(error, out=error)
    absolute = float(error.max(initial=0))
    error /= np.maximum(size, np.float32(SMALLEST_NORMAL), out=size)
    return halves, Rounding(float(error.max(initial=0)), absolute)
