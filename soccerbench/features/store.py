"""The feature store: named blocks of feature files, joined along the feature axis.

Conventions
    half      1 or 2
    row       one line of a feature file; row i is frame i, at `fps` rows a second
    blocks    columns of their file, in the order of `features.yaml`; the dataset's `features.json` may override
              widths and rates
    lengths   files of one half may differ by MAX_LENGTH_GAP_S; the shorter one's last row is repeated
    source    a plain dataset has one .npy a half and file, a packed one a file a split; both are read alike
    files     a block is read from the joined file of `features.yaml`, or where a half lacks that, from its own
              (`1_ircsn.npy`), as `extract` writes it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.features.packed import INDEX
from soccerbench.features.rows import StoredRows, read_runs
from soccerbench.features.sources import Part, Source, located, open_source, parts_of
from soccerbench.soccernet.archive import parse_json

HALVES = (1, 2)
MAX_LENGTH_GAP_S = 10
MAX_LATE_S = 120  # an event this far past the last row means a wrong label or a wrong feature file


class FeatureStore:
    """The features of one list of blocks below one root.

    Args:
        root: the folder that holds the games; its `features.json`, where there is one, gives widths and rates.
        blocks: names from `features.yaml`, joined in this order.
        source: the feature files, if not those of the root.

    Attributes:
        file_blocks: every block of the files that are read, in the order of the columns.
    """

    def __init__(self, root: Path, blocks: Sequence[str], *, source: Source | None = None) -> None:
        self.root, self._source = root, source or open_source(root)
        known = self._source.blocks
        unknown = [name for name in blocks if name not in known]
        if unknown:
            if (root / INDEX).exists():
                problem = f"block {unknown[0]!r} is not packed, only {', '.join(known)}"
                raise InputError(root / INDEX, problem, "pack the root again with this block")
            remedy = "run `soccerbench extract` with its model, or describe its width there"
            raise InputError(root / "features.json", f"no block {unknown[0]!r}", remedy)
        rates = {known[name].fps for name in blocks}
        if len(rates) != 1:
            raise InputError(
                root / "features.json",
                f"blocks {', '.join(blocks)} have rates {sorted(rates)}",
                "use blocks of one rate",
            )
        self.fps = rates.pop()
        self.blocks = tuple(blocks)
        self.widths = tuple(known[name].width for name in blocks)
        self.width = sum(self.widths)
        files = {known[name].file for name in blocks}
        self.file_blocks = {name: block for name, block in known.items() if block.file in files}
        self.unreleased = tuple(dict.fromkeys(known[name].file for name in blocks if not known[name].released))
        self._halves: dict[tuple[str, int], tuple[tuple[Part, StoredRows], ...]] = {}

    def absent_files(self, games: Iterable[str]) -> tuple[str, ...]:
        """Files never released that none of `games` has, needed to use these blocks."""
        games = list(games)
        return tuple(
            file
            for file in self.unreleased
            if not any(self._source.has(game, half, file) for game in games for half in HALVES)
        )

    def check(self, games: Iterable[str]) -> None:
        """Open every half of `games` once.

        Raises:
            InputError: a file that is missing, truncated, pickled, empty, not 2-d, of another width or length.
        """
        for game in games:
            for half in HALVES:
                self.length(game, half)

    def length(self, game: str, half: int) -> int:
        """Rows of one half, those of its longest file."""
        return max(stored.rows for _, stored in self._half(game, half))

    def take(self, game: str, half: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows of one half, all blocks joined.

        Args:
            rows: any shape (…), each in [0, length).

        Returns:
            (…, width), a copy.
        """
        joined = np.empty((*rows.shape, self.width), dtype=np.float32)
        column = 0
        for part, stored in self._half(game, half):
            values = joined[..., column : column + part.stop - part.start]
            values[...] = stored.take(np.minimum(rows, stored.rows - 1), slice(part.start, part.stop))
            if not np.isfinite(values).all():
                row = int(rows[~np.isfinite(values).all(axis=-1)].flat[0])
                raise InputError(
                    stored.path, f"{stored.place}row {row}: a value is not finite", "extract the half again"
                )
            column += part.stop - part.start
        return joined

    def take_stored(self, game: str, half: int, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        """As `take`, but in the stored type, and without a check for non-finite values."""
        taken = [
            stored.take(np.minimum(rows, stored.rows - 1), slice(part.start, part.stop))
            for part, stored in self._half(game, half)
        ]
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=-1)

    def read_stored(self, places: Iterable[tuple[str, int, int]], out: NDArray[np.floating]) -> None:
        """As `take_stored`, many runs of neighbouring rows at once; a half's last row is repeated past its end.

        Args:
            places: game, half and first row of each run.
            out: takes them, (runs, rows, width).
        """
        runs = []
        for (game, half, first), lines in zip(places, out, strict=True):
            found = self._half(game, half)
            part, stored = found[0]
            whole = len(found) == 1 and part.stop - part.start == part.file_width
            if whole and stored.dtype == out.dtype and first + len(lines) <= stored.rows:
                runs.append((stored, first, lines))
            else:
                rows = np.arange(first, first + len(lines))
                lines[...] = self.take_stored(game, half, np.minimum(rows, self.length(game, half) - 1))
        read_runs(runs)

    @property
    def is_half_precision(self) -> bool:
        """Whether all files opened so far store float16."""
        return all(stored.dtype == np.float16 for half in self._halves.values() for _, stored in half)

    def sample(self, game: str, half: int, count: int) -> list[bytes]:
        """`count` evenly spaced rows of each file of one half in the stored type, for a fingerprint."""
        return [
            stored.take(np.linspace(0, stored.rows - 1, count).astype(np.int64), slice(part.start, part.stop)).tobytes()
            for part, stored in self._half(game, half)
        ]

    def _half(self, game: str, half: int) -> tuple[tuple[Part, StoredRows], ...]:
        """The files of one half with their columns: joined files where they are there, else those of single blocks."""
        key = (game, half)
        if key not in self._halves:
            parts = parts_of(located(self._source, [key], self.blocks), self.blocks)
            found = tuple(self._source.rows(game, half, part.file, part.file_width) for part in parts)
            shortest, longest = (pick(found, key=lambda stored: stored.rows) for pick in (min, max))
            if longest.rows - shortest.rows > MAX_LENGTH_GAP_S * self.fps:
                raise InputError(
                    shortest.path,
                    f"{shortest.place}{shortest.rows} rows, but another file of this half has {longest.rows}",
                    "extract the half again",
                )
            self._halves[key] = tuple(zip(parts, found, strict=True))
        return self._halves[key]


def is_simulated(root: Path) -> bool:
    """Whether the dataset's `features.json` marks it as simulated."""
    return bool(simulation(root))


def simulation(root: Path) -> dict[str, Any]:
    """The generator, seed and scale of a simulated dataset; empty for real features."""
    file = root / "features.json"
    if not file.exists():
        return {}
    content = parse_json(file.read_bytes(), file)
    about = content.get("simulated") if isinstance(content, dict) else None
    return about if isinstance(about, dict) else {}
