"""The feature store: named blocks of `{1,2}_<file>.npy`, memory-mapped and joined along the feature axis.

Conventions
    half      1 or 2
    row       one line of a feature file; row i is frame i, at `fps` rows a second
    blocks    lie side by side in their file, in the order of `features.yaml`; a root's `features.json` may give
              widths and rates of its own
    lengths   files of one half may differ by MAX_LENGTH_GAP_S; the shorter one's last row is repeated
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from soccerbench.data.errors import InputError
from soccerbench.data.parsing import parse_json
from soccerbench.specs.features import Block, load_features

HALVES = (1, 2)
MAX_LENGTH_GAP_S = 10
MAX_OPEN_FILES = 256


@dataclass(frozen=True)
class Part:
    """Neighbouring columns of one file."""

    file: str
    start: int
    stop: int
    file_width: int


@dataclass(frozen=True)
class HalfLength:
    """How many rows a half has, and how many each of its files holds."""

    rows: int
    per_part: tuple[int, ...]


class FeatureStore:
    """The features of one list of blocks below one root.

    Args:
        root: the folder that holds the games; its `features.json`, where there is one, gives widths and rates.
        blocks: names from `features.yaml`, joined in this order.

    Raises:
        InputError: a `features.json` that is none, or blocks of different rates.
    """

    def __init__(self, root: Path, blocks: Sequence[str]) -> None:
        self.root = root
        known = root_blocks(root)
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
        self.parts = _parts(known, blocks)
        self.unreleased = tuple(dict.fromkeys(known[name].file for name in blocks if not known[name].released))
        self._map = lru_cache(maxsize=MAX_OPEN_FILES)(self._open)
        self._lengths: dict[tuple[str, int], HalfLength] = {}

    def path(self, game: str, half: int, file: str) -> Path:
        """Where one feature file of one half lies."""
        return self.root / game / f"{half}_{file}"

    def absent_files(self, games: Iterable[str]) -> tuple[str, ...]:
        """Files never released that none of `games` has: what would have to be there to use these blocks."""
        games = list(games)
        return tuple(
            file
            for file in self.unreleased
            if not any(self.path(game, half, file).exists() for game in games for half in HALVES)
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
        return self._half(game, half).rows

    def take(self, game: str, half: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows of one half, all blocks joined.

        Args:
            game: the game's folder below the root.
            half: 1 or 2.
            rows: any shape (…), each in [0, length).

        Returns:
            (…, width), a copy.

        Raises:
            InputError: a file as `check` refuses it, one that changed since, or values that are not finite.
        """
        per_part = self._half(game, half).per_part
        joined = np.empty((*rows.shape, self.width), dtype=np.float32)
        column = 0
        for part, length in zip(self.parts, per_part, strict=True):
            path = self.path(game, half, part.file)
            values = self._map(path, part.file_width)
            if path.stat().st_size < values.nbytes:
                raise InputError(path, "became shorter while it was read", "copy the file again")
            stop = column + part.stop - part.start
            joined[..., column:stop] = values[np.minimum(rows, length - 1), part.start : part.stop]
            if not np.isfinite(joined[..., column:stop]).all():
                wrong = ~np.isfinite(joined[..., column:stop]).all(axis=-1)
                raise InputError(
                    path, f"row {int(rows[wrong].flat[0])}: a value is not finite", "extract the half again"
                )
            column = stop
        return joined

    def sample(self, game: str, half: int, count: int) -> list[bytes]:
        """`count` evenly spaced rows of each file of one half, for a fingerprint."""
        return [
            np.ascontiguousarray(
                values[np.linspace(0, len(values) - 1, count).astype(int), part.start : part.stop]
            ).tobytes()
            for part in self.parts
            for values in [self._map(self.path(game, half, part.file), part.file_width)]
        ]

    def _half(self, game: str, half: int) -> HalfLength:
        key = (game, half)
        if key not in self._lengths:
            paths = [self.path(game, half, part.file) for part in self.parts]
            lengths = [len(self._map(path, part.file_width)) for path, part in zip(paths, self.parts, strict=True)]
            shortest = int(np.argmin(lengths))
            if max(lengths) - lengths[shortest] > MAX_LENGTH_GAP_S * self.fps:
                raise InputError(
                    paths[shortest],
                    f"{lengths[shortest]} rows, but another file of this half has {max(lengths)}",
                    "extract the half again",
                )
            self._lengths[key] = HalfLength(max(lengths), tuple(lengths))
        return self._lengths[key]

    def _open(self, path: Path, width: int) -> NDArray[Any]:
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise InputError(path, "missing", "download the features of this half, or leave the game out") from None
        except (OSError, EOFError, ValueError, OverflowError, SyntaxError, TypeError) as error:
            raise InputError(path, f"no readable feature file ({error})", "download the file again") from None
        if not isinstance(values, np.ndarray):
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
        return values.view(np.ndarray)


def root_blocks(root: Path) -> dict[str, Block]:
    """Every block, with the widths and rates of the root's `features.json` where it has one."""
    known = dict(load_features().blocks)
    file = root / "features.json"
    if not file.exists():
        return known
    try:
        content = parse_json(file.read_bytes(), file)
        for name, entry in content["blocks"].items():
            known[name] = Block.model_validate({**known[name].model_dump(), **entry})
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(file, f"{name}: {key}: {error.errors()[0]['msg']}", "correct that value") from None
    except KeyError as error:
        raise InputError(file, f"no or unknown key {error}", f"known blocks: {', '.join(known)}") from None
    except (AttributeError, TypeError, OSError) as error:
        raise InputError(
            file, f"no description of blocks ({error})", 'write {"blocks": {"vtn": {"width": …}}}'
        ) from None
    return known


def is_simulated(root: Path) -> bool:
    """Whether the root says of itself that its features are simulated."""
    return bool(simulation(root))


def simulation(root: Path) -> dict[str, Any]:
    """What a simulated root says about its making; empty for real features."""
    file = root / "features.json"
    if not file.exists():
        return {}
    content = parse_json(file.read_bytes(), file)
    said = content.get("simulated") if isinstance(content, dict) else None
    return said if isinstance(said, dict) else {}


def _parts(known: dict[str, Block], blocks: Sequence[str]) -> tuple[Part, ...]:
    """The columns of `blocks` in their files, neighbours in one file merged."""
    parts: list[Part] = []
    for name in blocks:
        file = known[name].file
        beside = [(other, block.width) for other, block in known.items() if block.file == file]
        start = sum(width for other, width in beside[: [other for other, _ in beside].index(name)])
        stop = start + known[name].width
        if parts and parts[-1].file == file and parts[-1].stop == start:
            parts[-1] = Part(file, parts[-1].start, stop, parts[-1].file_width)
        else:
            parts.append(Part(file, start, stop, sum(width for _, width in beside)))
    return tuple(parts)
