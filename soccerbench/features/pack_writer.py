"""Writes a packed dataset half by half, in any order and from several threads, and resumes after an interruption.

A journal holds the plan and one line for each written half. The index replaces it in the end. Halves of an earlier call
are read back and their checksums compared, so that incomplete or damaged ones are written again.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.errors import InputError, os_error
from soccerbench.features.packed import INDEX, JOURNAL, Dtype, Index, PackedHalf, read_index
from soccerbench.features.rows import Rounding, StoredRows, all_finite, narrow
from soccerbench.files import write_bytes, write_json
from soccerbench.specs.features import Block

LEASE = ".lease"
PIECE_BYTES = 2**22
RETRY = "free some space or choose another folder, and run the same command again"


class Half(NamedTuple):
    """One half of one feature file."""

    split: str
    file: str
    game: str
    half: int


@dataclass(frozen=True)
class Plan:
    """What a pack will hold."""

    dtype: Dtype  # of the packed values
    blocks: dict[str, Block]  # the packed blocks, in the order of their columns
    rows: dict[Half, int]  # of each half, in the order of the files
    source: str  # checksum of the source files: an interrupted pack resumes only from the same source

    def width(self, file: str) -> int:
        """Values in a row of one feature file."""
        return sum(block.width for block in self.blocks.values() if block.file == file)

    def nbytes(self, half: Half) -> int:
        """Bytes of one half."""
        return self.rows[half] * self.width(half.file) * np.dtype(self.dtype).itemsize

    def description(self) -> dict[str, Any]:
        """As JSON, to be compared with another."""
        return {
            "dtype": self.dtype,
            "blocks": {name: block.model_dump() for name, block in self.blocks.items()},
            "rows": [[*half, rows] for half, rows in self.rows.items()],
            "source": self.source,
        }


class Written(NamedTuple):
    """Checksum and rounding error of a written half."""

    crc32: int
    rounding: Rounding


class PackWriter:
    """A packed dataset that is being written.

    Args:
        out: a new or an empty folder, or one where the same plan was interrupted or finished.
    """

    def __init__(self, out: Path, plan: Plan) -> None:
        self.out, self.plan = out, plan
        self._written: dict[Half, Written] = {}
        self._earlier: dict[Half, Written] = {}
        self._lock = threading.Lock()
        self._stored: dict[Half, StoredRows] = {}
        self.finished = self._recall_index()
        with _naming(out):
            if not self.finished:
                self._begin()
            self._lay_out()
        left = sum(plan.nbytes(half) for half in plan.rows if half not in self._earlier)
        free = shutil.disk_usage(out).free
        if left > free:
            raise InputError(out, f"needs {left / 1e9:.1f} GB more, and the disk has {free / 1e9:.1f} GB free", RETRY)

    def holds(self, half: Half) -> bool:
        """Whether an earlier call wrote one half and its checksum still matches; thread-safe."""
        earlier = self._earlier.get(half)
        if earlier is None or _checksum_of(self._stored[half]) != earlier.crc32:
            return False
        with self._lock:
            self._written[half] = earlier
        return True

    def write(self, half: Half, pieces: Iterable[NDArray[np.float32]]) -> None:
        """Write one half; thread-safe.

        Args:
            pieces: its rows in order, (any, width).

        Raises:
            InputError: a full disk.
            ValueError: a value that is not finite or that the packed type cannot hold; more or fewer rows than planned.
        """
        stored = self._stored[half]
        checksum, rounding, position = 0, Rounding(), stored.offset
        packable = narrow if stored.dtype == np.float16 else _finite
        self._reopen()
        with _naming(stored.path):
            descriptor = os.open(stored.path, os.O_WRONLY)
            try:
                for piece in pieces:
                    values, lost = packable(piece)
                    data = values.reshape(-1).view(np.uint8).data
                    if position + len(data) > stored.offset + stored.nbytes:
                        raise ValueError(f"more than the {stored.rows} planned rows")
                    checksum, rounding = crc32(data, checksum), rounding | lost
                    position += _write_at(descriptor, data, position)
            finally:
                os.close(descriptor)
            if position != stored.offset + stored.nbytes:
                raise ValueError(f"fewer than the {stored.rows} planned rows")
            with self._lock, (self.out / JOURNAL).open("ab") as journal:
                self._written[half] = Written(checksum, rounding)
                journal.write(_line(half, self._written[half]))

    def finish(self) -> Index:
        """Write the index, which makes the dataset complete."""
        if not self.finished:
            with _naming(self.out):
                for path in {stored.path for stored in self._stored.values()}:
                    with path.open("rb+") as stream:
                        os.fsync(stream.fileno())
            write_json(self.out / INDEX, self._index().model_dump())
            (self.out / JOURNAL).unlink()
            self.finished = True
        return read_index(self.out / INDEX)

    def _index(self) -> Index:
        files: dict[str, dict[str, Any]] = {}
        for half, rows in self.plan.rows.items():
            packed = files.setdefault(half.split, {}).setdefault(
                half.file, {"path": _name(half), "width": self.plan.width(half.file), "halves": []}
            )
            entry = PackedHalf(game=half.game, half=half.half, rows=rows, crc32=self._written[half].crc32)
            packed["halves"].append(entry)
        lost = reduce(or_, (written.rounding for written in self._written.values()))
        return Index(
            format=1, source=self.plan.source, dtype=self.plan.dtype, blocks=self.plan.blocks, files=files,
            largest_relative_error=lost.relative, largest_absolute_error=lost.absolute,
        )  # fmt: skip

    def _recall_index(self) -> bool:
        """Read the index of a finished pack with the same plan; False if there is none."""
        if not (self.out / INDEX).exists():
            return False
        index = read_index(self.out / INDEX)
        rounding = Rounding(index.largest_relative_error, index.largest_absolute_error)
        rows = {}
        for at in index.places():
            half = Half(at.split, at.file, at.half.game, at.half.half)
            rows[half], self._earlier[half] = at.half.rows, Written(at.half.crc32, rounding)
        if Plan(index.dtype, index.blocks, rows, index.source) != self.plan:
            raise InputError(self.out, "holds another pack", "name an empty or a new folder")
        return True

    def _reopen(self) -> None:
        """Replace the index by the journal, because part of a finished pack must be written again."""
        with self._lock, _naming(self.out):
            if self.finished:
                lines = [_line(half, earlier) for half, earlier in self._earlier.items()]
                write_bytes(self.out / JOURNAL, b"".join([self._header(), *lines]))
                (self.out / INDEX).unlink()
                self.finished = False

    def _begin(self) -> None:
        """Create the journal, or read the one of an earlier call."""
        journal = self.out / JOURNAL
        self.out.mkdir(parents=True, exist_ok=True)
        lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
        if lines and lines[0] != self._header():
            raise InputError(self.out, "holds an unfinished pack of other data", "name an empty or a new folder")
        if not lines:
            if set(self.out.iterdir()) - {journal, self.out / LEASE}:
                raise InputError(self.out, "exists and is not a pack", "name an empty or a new folder")
            write_bytes(journal, self._header())
        for line in lines[1:]:
            with suppress(ValueError, TypeError):  # a line that was cut off by a crash
                *name, checksum, relative, absolute = orjson.loads(line)
                if (half := Half(*name)) in self.plan.rows:
                    self._earlier[half] = Written(checksum, Rounding(relative, absolute))

    def _lay_out(self) -> None:
        """Create every file with its header and full length, unless it has them."""
        files: dict[str, list[Half]] = {}
        for half in self.plan.rows:
            files.setdefault(_name(half), []).append(half)
        dtype = np.dtype(self.plan.dtype).newbyteorder("<")
        for name, halves in files.items():
            path, width = self.out / name, self.plan.width(halves[0].file)
            shape = (sum(self.plan.rows[half] for half in halves), width)
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
            offset = header.tell()
            nbytes = offset + shape[0] * width * dtype.itemsize
            if not _is_laid_out(path, header.getvalue(), nbytes):
                self._reopen()
                with path.open("r+b" if path.exists() else "w+b") as stream:
                    stream.write(header.getvalue())
                    stream.truncate(nbytes)
            for half in halves:
                stored = StoredRows(path, offset, self.plan.rows[half], width, dtype)
                self._stored[half] = stored
                offset += stored.nbytes

    def _header(self) -> bytes:
        """The first line of the journal: the plan."""
        return orjson.dumps(self.plan.description()) + b"\n"


def _line(half: Half, written: Written) -> bytes:
    """A half in the journal."""
    return orjson.dumps([*half, written.crc32, written.rounding.relative, written.rounding.absolute]) + b"\n"


def _is_laid_out(path: Path, header: bytes, nbytes: int) -> bool:
    """Whether a file begins with `header` and has `nbytes` in all."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(header)) == header and os.fstat(stream.fileno()).st_size == nbytes
    except FileNotFoundError:
        return False


def _checksum_of(stored: StoredRows) -> int:
    """CRC-32 of the rows of one half as they are stored."""
    checksum = 0
    for piece in stored.pieces(max(1, PIECE_BYTES // stored.row_bytes)):
        checksum = crc32(piece.view(np.uint8).data, checksum)
    return checksum


def _finite(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], Rounding]:
    """Values that are packed without a cast."""
    if not all_finite(values):
        raise ValueError("a value is not finite")
    return values, Rounding()


def _write_at(descriptor: int, data: memoryview, position: int) -> int:
    """Write all of `data` at `position`; its length."""
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], position + done)
    return done


def _name(half: Half) -> str:
    return f"{half.split}-{half.file}"


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an OSError into an InputError with the file and a remedy."""
    try:
        yield
    except OSError as error:
        raise os_error(path, error, remedy=RETRY, doing="written") from None
