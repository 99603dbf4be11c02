"""Plain roots: one `{1,2}_<file>.npy` a half and file, in the game's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soccerbench.errors import InputError
from soccerbench.features.rows import StoredRows
from soccerbench.soccernet.games import Layout
from soccerbench.specs.features import Block


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
        if values.shape[1] != width or not len(values):
            raise InputError(
                path,
                f"has shape {values.shape}, expected (rows, {width})",
                "use the file of these blocks, or say its widths in features.json",
            )
        if not values.flags.c_contiguous:
            raise InputError(path, "is stored column by column", "save numpy.ascontiguousarray(…) with numpy.save")
        return StoredRows(path, values.offset, len(values), width, values.dtype)
