"""The feature files of one half: written row by row, read in pieces, and described by a record in the same folder.

The record is `{half}_extraction.json`. It is written after the files are complete and before they get their names: a
file without a record was not made by `extract`, and a file that differs from its record is damaged.

Conventions
    file     the .npy that `numpy.save` writes for a float32 array (rows, width); its values never are in memory whole
    sha256   of the values alone, without the header; computed while they are written
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from soccerbench.errors import InputError, first_error
from soccerbench.files import write_json
from soccerbench.soccernet.archive import parse_json
from soccerbench.specs.base import Frozen
from soccerbench.specs.features import load_features
from soccerbench.video.decoding.video import Video

RECORD = "extraction.json"
JOINED_FILE = "baidu_soccer_embeddings.npy"
JOINED_BLOCKS = tuple(name for name, block in load_features().blocks.items() if block.file == JOINED_FILE)
ALIGNMENT = (
    "Row i is second i of the half, which begins start_s seconds after the video's first picture. It is the feature of "
    "one clip, centred there: frame k of the clip is the picture on screen at i + (k - frames // 2) / fps seconds; for "
    "times outside the half it is the half's first or last picture. A half of d seconds has max(1, floor(d)) rows."
)
Normalise = Literal["l2", "none"]
NORMALISATIONS: dict[str, str] = {
    "l2": "each block's row is divided by its Euclidean length; a row of zeros stays",
    "none": "the models' values as they are",
}
PIECE_ROWS = 1024


class FeatureWriter:
    """Writes a float32 .npy of (rows, width) row by row into a new file."""

    def __init__(self, stream: IO[bytes], *, rows: int, width: int) -> None:
        self._stream, self._width, self._rows, self.written = stream, width, rows, 0
        self._hash = hashlib.sha256()
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
        np.lib.format.write_array_header_1_0(stream, header)

    def append(self, rows: NDArray[np.floating[Any]]) -> None:
        """Write (N, width) rows."""
        if rows.ndim != 2 or rows.shape[1] != self._width:
            raise ValueError(f"rows of shape {rows.shape}, expected (N, {self._width})")
        data = np.ascontiguousarray(rows, dtype="<f4").tobytes()
        self._stream.write(data)
        self._hash.update(data)
        self.written += len(rows)

    def finish(self) -> str:
        """The SHA-256 of the values."""
        if self.written != self._rows:
            raise ValueError(f"{self.written} rows, expected {self._rows}")
        return self._hash.hexdigest()


def normalised(rows: NDArray[np.floating[Any]], how: Normalise) -> NDArray[np.floating[Any]]:
    """Rows (N, width) of one block as they are stored."""
    if how == "none":
        return rows
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1)


class FeatureFile(Frozen):
    """One model's features of one half.

    `identity` is all that the values depend on: the hashes of spec, weights, video and code, normalisation, precision.
    `pass_s` are the seconds that the extraction took for all models that were extracted together.
    """

    file: str
    rows: int
    width: int
    sha256: str
    clip: dict[str, int]
    weights: str
    identity: dict[str, str]
    device: str
    versions: dict[str, str]
    pass_s: float


class JoinedFile(Frozen):
    """The columns of several blocks in one file; `of` are the hashes of the files that it was joined from."""

    file: str
    rows: int
    widths: dict[str, int]
    sha256: str
    of: dict[str, str]

    @property
    def width(self) -> int:
        """Of a row."""
        return sum(self.widths.values())


class HalfRecord(Frozen):
    """All feature files of one half, by block, and the joined file."""

    alignment: str = ALIGNMENT
    rows_per_second: int = 1
    first_row_s: float = 0.0
    normalisations: dict[str, str] = Field(default_factory=lambda: dict(NORMALISATIONS))
    video: Video
    features: dict[str, FeatureFile] = Field(default_factory=dict)
    joined: JoinedFile | None = None


def checked_rows(folder: Path, file: FeatureFile | JoinedFile) -> Iterator[NDArray[np.float32]]:
    """Read a feature file once, PIECE_ROWS rows at a time, and compare its values with its record at the end."""
    path, digest = folder / file.file, hashlib.sha256()
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            if (shape, is_fortran, dtype) != ((file.rows, file.width), False, np.dtype("<f4")):
                raise ValueError(f"{dtype} of shape {shape}")
            while data := stream.read(PIECE_ROWS * file.width * 4):
                digest.update(data)
                yield np.frombuffer(data, "<f4").reshape(-1, file.width)
        if digest.hexdigest() != file.sha256:
            raise ValueError("its values differ from its record")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(path, f"was changed after it was extracted ({error})", "extract the half again") from None


def is_whole(folder: Path, file: FeatureFile | JoinedFile) -> bool:
    """Whether a file is there as it was written; reads it once."""
    try:
        for _ in checked_rows(folder, file):
            pass
    except InputError:
        return False
    return True


def read_record(folder: Path, half: int) -> HalfRecord | None:
    """The record of a half, or None if there is none."""
    path = folder / f"{half}_{RECORD}"
    try:
        return HalfRecord.model_validate(parse_json(path.read_bytes(), path))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        problem = f"no record of an extraction ({first_error(error)})"
        raise InputError(path, problem, "extract the half again with --force") from None


def write_record(folder: Path, half: int, record: HalfRecord) -> None:
    """Write the record of a half, all at once or not at all."""
    write_json(folder / f"{half}_{RECORD}", record.model_dump(mode="json"))
