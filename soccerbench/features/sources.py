"""The feature files of a root, plain or packed, and where in them each block is.

A plain root has one `{1,2}_<file>.npy` a half and file, in the game's folder; a packed one has one file a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import ValidationError

from soccerbench.errors import InputError, first_error
from soccerbench.features.packed import INDEX, JOURNAL, PackedFiles
from soccerbench.features.rows import StoredRows
from soccerbench.soccernet.archive import parse_json
from soccerbench.soccernet.games import Layout
from soccerbench.specs.features import Block, file_of, fps_of, load_features


@dataclass(frozen=True)
class Part:
    """Neighbouring columns of one file."""

    file: str
    start: int
    stop: int
    file_width: int


class Source(Protocol):
    """The feature files of a dataset, plain or packed."""

    root: Path
    blocks: dict[str, Block]

    def path(self, game: str, half: int, file: str) -> Path:
        """The file that holds, or should hold, one feature file of one half."""

    def has(self, game: str, half: int, file: str) -> bool:
        """Whether one feature file of one half is there."""

    def rows(self, game: str, half: int, file: str, width: int) -> StoredRows:
        """The rows of one feature file of one half.

        Raises:
            InputError: missing, or another width or type than expected.
        """


class PlainFiles:
    """The feature files of a plain root.

    Args:
        root: holds the games, in either public layout.
        blocks: every block that its files may have.
    """

    def __init__(self, root: Path, blocks: dict[str, Block]) -> None:
        self.root, self.blocks = root, blocks
        self._layout = Layout(root)

    def path(self, game: str, half: int, file: str) -> Path:
        """The path of one feature file of one half."""
        return self.root / self._layout.place(game, f"{half}_{file}")

    def has(self, game: str, half: int, file: str) -> bool:
        """Whether that file is there."""
        return self.path(game, half, file).exists()

    def rows(self, game: str, half: int, file: str, width: int) -> StoredRows:
        """The rows of one feature file, as its header describes them.

        Raises:
            InputError: missing, truncated, pickled, empty, no 2-d floats, of another width, stored by columns.
        """
        path = self.path(game, half, file)
        stored = stored_rows(path)
        if stored.width != width:
            raise InputError(
                path,
                f"has shape {(stored.rows, stored.width)}, expected (rows, {width})",
                "use the file of these blocks, or say its widths in features.json",
            )
        return stored


def stored_rows(path: Path) -> StoredRows:
    """The rows of a feature file of any width, as its header describes them.

    Raises:
        InputError: missing, truncated, pickled, empty, no 2-d floats, stored by columns.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(path, "missing", "download the features of this half, or leave the game out") from None
    except (OSError, EOFError, ValueError, OverflowError, SyntaxError, TypeError) as error:
        raise InputError(path, f"not a readable feature file ({error})", "download the file again") from None
    if not isinstance(values, np.memmap):
        values.close()
        raise InputError(path, "is an archive of arrays", "save one array (rows, width) with numpy.save")
    if values.ndim != 2 or values.dtype.kind != "f":
        kind = f"{values.ndim}-d {values.dtype}"
        raise InputError(path, f"is {kind}, not a 2-d array of floats", "save (rows, width) with numpy.save")
    if not values.size:
        raise InputError(path, f"has shape {values.shape}, expected at least one row", "extract the half again")
    if not values.flags.c_contiguous:
        raise InputError(path, "is stored column by column", "save numpy.ascontiguousarray(…) with numpy.save")
    return StoredRows(path, values.offset, len(values), values.shape[1], values.dtype)


def open_source(root: Path) -> Source:
    """The feature files of a root, plain or packed.

    Raises:
        InputError: an invalid `features.json` or `pack.json`, or an unfinished pack.
    """
    if (root / INDEX).exists():
        return PackedFiles(root)
    if (root / JOURNAL).exists():
        raise InputError(root, "an unfinished pack", "run the same `data pack` again to resume it")
    return PlainFiles(root, root_blocks(root))


def root_blocks(root: Path) -> dict[str, Block]:
    """Every block, with the widths and rates of the root's `features.json` where it has one."""
    known = dict(load_features().blocks)
    file = root / "features.json"
    if not file.exists():
        return known
    try:
        content = parse_json(file.read_bytes(), file)
        for name, entry in content["blocks"].items():
            base = {"file": file_of(name), "fps": fps_of(name), "released": False}
            known[name] = Block.model_validate({**(known[name].model_dump() if name in known else base), **entry})
    except ValidationError as error:
        raise InputError(file, f"{name}: {first_error(error)}", "correct that value") from None
    except KeyError as error:
        raise InputError(file, f"no or unknown key {error}", f"known blocks: {', '.join(known)}") from None
    except (AttributeError, TypeError, OSError) as error:
        raise InputError(
            file, f"not a description of blocks ({error})", 'write {"blocks": {"vtn": {"width": …}}}'
        ) from None
    return known


def parts_of(known: dict[str, Block], blocks: Sequence[str]) -> tuple[Part, ...]:
    """The columns of `blocks` in their files, neighbours in one file merged."""
    parts: list[Part] = []
    for name in blocks:
        file = known[name].file
        columns = [(other, block.width) for other, block in known.items() if block.file == file]
        start = sum(width for other, width in columns[: [other for other, _ in columns].index(name)])
        stop = start + known[name].width
        if parts and parts[-1].file == file and parts[-1].stop == start:
            parts[-1] = Part(file, parts[-1].start, stop, parts[-1].file_width)
        else:
            parts.append(Part(file, start, stop, sum(width for _, width in columns)))
    return tuple(parts)
