"""The content of a pack, planned before it is written: equal plans make the same pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from soccerbench.features.packed import Dtype
from soccerbench.specs.features import Block


class Half(NamedTuple):
    """One half of one feature file."""

    split: str
    file: str
    game: str
    half: int


@dataclass(frozen=True)
class Plan:
    """What a pack will hold.

    Args:
        dtype: of the packed values.
        blocks: the packed blocks, in the order of their columns.
        rows: of each half, in the order of the files.
        source: checksum of the source files: an interrupted pack resumes only from the same source.
    """

    dtype: Dtype
    blocks: dict[str, Block]
    rows: dict[Half, int]
    source: str

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
