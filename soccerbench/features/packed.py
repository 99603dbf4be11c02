"""Packed roots: one file a split and feature file with all its halves, and an index.

    pack.json                                the packed files, and where each half begins
    train-baidu_soccer_embeddings.npy, …     (rows of all halves, width), an ordinary .npy
    features.json, splits.json, …/Labels*    as in the plain root, so that a packed dataset is complete

Conventions
    halves    in the order of the index, one after the other, without gaps
    crc32     of a half's bytes as they are stored: finds any flipped bit, and in which half it is
    complete  a folder with a `pack.json`; while it is being written it has a JOURNAL instead
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from soccerbench.errors import InputError, first_error, os_error
from soccerbench.features.rows import StoredRows, stored_rows
from soccerbench.specs.base import Frozen
from soccerbench.specs.features import Block, load_features

INDEX, JOURNAL = "pack.json", "pack.part.jsonl"
Dtype = Literal["float16", "float32"]


class PackedHalf(Frozen):
    """One half in a packed file."""

    game: str
    half: Annotated[int, Field(ge=1, le=2)]
    rows: Annotated[int, Field(gt=0)]
    crc32: Annotated[int, Field(ge=0, lt=2**32)]


class PackedFile(Frozen):
    """One packed file: its name below the root, and its halves in order."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+\.npy$")]
    width: Annotated[int, Field(gt=0)]
    halves: Annotated[tuple[PackedHalf, ...], Field(min_length=1)]


class Index(Frozen):
    """The content of `pack.json`.

    `files` maps split and feature file to the packed file; `source` is a checksum of the source files.
    """

    format: Literal[1]
    source: str
    dtype: Dtype
    blocks: dict[str, Block]
    files: dict[str, dict[str, PackedFile]]
    largest_relative_error: float
    largest_absolute_error: float

    def places(self) -> Iterator[Placed]:
        """Every half of every packed file, in order."""
        for split, files in self.files.items():
            for file, packed in files.items():
                start = 0
                for half in packed.halves:
                    yield Placed(split, file, packed, half, start)
                    start += half.rows


class Placed(NamedTuple):
    """A half of a packed file and the row it begins at."""

    split: str
    file: str
    packed: PackedFile
    half: PackedHalf
    start: int


class PackedFiles:
    """The feature files of a packed root.

    Attributes:
        blocks: every block: those in the pack, and those of files of which nothing is packed.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.index = root, read_index(root / INDEX)
        packed = {block.file for block in self.index.blocks.values()}
        others = {name: block for name, block in load_features().blocks.items() if block.file not in packed}
        self.blocks = others | self.index.blocks
        self._places = {(at.half.game, at.half.half, at.file): at for at in self.index.places()}
        self._whole = cache(self._read_whole)

    def path(self, game: str, half: int, file: str) -> Path:
        """The packed file that holds one feature file of one half; the index where none does."""
        at = self._places.get((game, half, file))
        return self.root / (at.packed.path if at else INDEX)

    def has(self, game: str, half: int, file: str) -> bool:
        """Whether that feature file is packed."""
        return (game, half, file) in self._places

    def rows(self, game: str, half: int, file: str, width: int) -> StoredRows:
        """The rows of one feature file of one half."""
        at = self._places.get((game, half, file))
        if at is None:
            problem = f"{game}: half {half} of {file} is not in this pack"
            raise InputError(self.root / INDEX, problem, "pack the root again with this game and these blocks")
        if at.packed.width != width:
            raise InputError(
                self.root / INDEX, f"{file}: width {at.packed.width}, its blocks have {width}", "pack again"
            )
        whole = self._whole(at.packed)
        start = whole.offset + at.start * whole.row_bytes
        return replace(whole, offset=start, rows=at.half.rows, place=f"{game}, half {half}: ")

    def _read_whole(self, packed: PackedFile) -> StoredRows:
        """The rows of all halves of a packed file."""
        path, dtype = self.root / packed.path, np.dtype(self.index.dtype).newbyteorder("<")
        shape = (sum(half.rows for half in packed.halves), packed.width)
        remedy = "copy the file again, or pack the root again"
        found = stored_rows(path, remedy=remedy)
        if found != StoredRows(path, found.offset, *shape, dtype):
            raise InputError(path, f"is not the {shape} array of {self.index.dtype} that {INDEX} describes", remedy)
        return found


def read_index(path: Path) -> Index:
    """Read a `pack.json`."""
    try:
        return Index.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(path, first_error(error, Index), "pack the dataset again") from None
    except OSError as error:
        raise os_error(path, error, remedy="copy the pack again") from None
