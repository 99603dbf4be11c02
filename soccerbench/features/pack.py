"""Packs a dataset: reads each half once, casts, checksums and writes it, on several threads.

The result has half the bytes of the release, in one sequential file a split.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError, did_you_mean
from soccerbench.features.checksums import Checksums, known_checksums
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack_writer import LEASE, Half, PackWriter, Plan
from soccerbench.features.packed import Dtype, Index
from soccerbench.features.sources import Part, Source, located, open_source, parts_of
from soccerbench.features.store import HALVES
from soccerbench.files import remove_leftovers, write_bytes
from soccerbench.lease import only_writer
from soccerbench.progress import Progress, silent
from soccerbench.soccernet.games import Layout

PIECE_BYTES = 2**19  # read, converted and written at a time: few calls, and all of it stays in the cache
MAX_WORKERS = 4


@dataclass(frozen=True)
class Packed:
    """What was packed."""

    index: Index  # the content of the new `pack.json`
    nbytes: int  # of the packed files
    resumed: int  # halves that an earlier call had written
    halves: int  # all of them


def pack(
    root: Path,
    out: Path,
    *,
    dtype: Dtype = "float16",
    blocks: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Packed:
    """Pack the features of a root, and copy its labels; an interrupted pack resumes.

    Halves that are already packed are read back, and written again if their checksum differs. Another process that
    packs into the same folder is waited for.

    Args:
        out: a new or an empty folder, or one where the same pack was interrupted.
        blocks: which to pack; all that the dataset has if not given.

    Raises:
        InputError: missing or unusable features, a checksum that differs, another pack in `out`, a full
            disk.
        ValueError: an unknown block.
    """
    source, games = open_source(root), Dataset(root).games
    plan = _plan(source, games, dtype, blocks)
    checksums = known_checksums(root, source)
    with only_writer(out, lease=out / LEASE):
        remove_leftovers(out)
        writer = PackWriter(out, plan)
        total, done, resumed = sum(map(plan.nbytes, plan.rows)), 0, 0

        def write(half: Half) -> bool:
            """Whether it was there already."""
            if writer.holds(half):
                return True
            packed = [name for name, block in plan.blocks.items() if block.file == half.file]
            parts = parts_of(source.blocks | plan.blocks, packed)
            try:
                writer.write(half, _pieces(source, half, parts, checksums))
            except InputError:
                raise
            except ValueError as error:
                path = source.path(half.game, half.half, half.file)
                raise InputError(path, str(error), "run `data verify` on the root, or pack as float32") from None
            return False

        progress("packed", done, total)
        with ThreadPoolExecutor(workers or min(MAX_WORKERS, os.cpu_count() or 1)) as pool:
            for half, held in zip(plan.rows, pool.map(write, plan.rows), strict=True):
                done, resumed = done + plan.nbytes(half), resumed + held
                progress("packed", done, total)
        if not writer.finished:
            _copy_texts(root, out, {half.game for half in plan.rows})
        return Packed(writer.finish(), total, resumed, len(plan.rows))


def _plan(source: Source, games: dict[str, list[str]], dtype: Dtype, blocks: Sequence[str] | None) -> Plan:
    """Open every half once, so that unusable files are found before packing."""
    everyone = [(game, half) for members in games.values() for game in members for half in HALVES]
    unknown = sorted(set(blocks or ()) - set(source.blocks))
    if unknown:
        near = did_you_mean(unknown[0], source.blocks)
        raise ValueError(f"unknown block {unknown[0]!r}{near}; known blocks: {', '.join(source.blocks)}")
    known = located(source, everyone, blocks or source.blocks)
    there = {file for file in {block.file for block in known.values()} if any(source.has(*at, file) for at in everyone)}
    chosen = {
        name: block for name, block in known.items() if (name in blocks if blocks is not None else block.file in there)
    }
    absent = [name for name, block in chosen.items() if block.file not in there]
    if absent or not chosen:
        what = f"no file of block {absent[0]!r}" if absent else "no feature files"
        raise InputError(source.root, f"holds {what}", "download the features first, or choose other --blocks")
    rows: dict[Half, int] = {}
    checksum = 0
    for split, members in games.items():
        for file in dict.fromkeys(block.file for block in chosen.values()):
            width = parts_of(known, [name for name, block in chosen.items() if block.file == file])[0].file_width
            for game, half in _halves(source, members, file):
                stored = source.rows(game, half, file, width)
                rows[Half(split, file, game, half)] = stored.rows
                status = stored.path.stat()
                said = f"{split}/{game}/{half}/{file}/{stored.rows}/{status.st_size}/{status.st_mtime_ns}"
                checksum = crc32(said.encode(), checksum)
    return Plan(dtype, chosen, rows, f"{checksum:08x}")


def _halves(source: Source, games: Sequence[str], file: str) -> list[tuple[str, int]]:
    """The halves of one file of one split: all of them or none."""
    halves = [(game, half) for game in games for half in HALVES]
    missing = [(game, half) for game, half in halves if not source.has(game, half, file)]
    if len(missing) == len(halves):
        return []
    if missing:
        path = source.path(*missing[0], file)
        problem = f"missing, as for {len(missing)} of {len(halves)} halves of its split"
        raise InputError(path, problem, "download the rest, or take the games out of splits.json")
    return halves


def _pieces(source: Source, half: Half, parts: tuple[Part, ...], checksums: Checksums) -> Iterator[NDArray[np.float32]]:
    """The columns to be packed, piece by piece; each piece is overwritten by the next."""
    stored = source.rows(half.game, half.half, half.file, parts[0].file_width)
    expected = checksums.halves.get((half.game, half.half, half.file))
    seen = 0 if expected is None else crc32(checksums.begin_of(stored))
    count = max(1, PIECE_BYTES // stored.row_bytes)
    buffer = np.empty((count, sum(part.stop - part.start for part in parts)), np.float32)
    for piece in stored.pieces(count):
        if expected is not None:
            seen = crc32(piece.view(np.uint8).data, seen)
        column = 0
        for part in parts:
            stop = column + part.stop - part.start
            buffer[: len(piece), column:stop] = piece[:, part.start : part.stop]
            column = stop
        yield buffer[: len(piece)]
    if expected is not None and seen != expected:
        problem = f"{stored.place}CRC-32 {seen:08x}, written with {expected:08x}"
        raise InputError(stored.path, problem, "copy or make the file again; `data verify` names all such files")


def _copy_texts(root: Path, out: Path, games: set[str]) -> None:
    """Labels, splits and the description of the features, so that the packed dataset is complete."""
    layout = Layout(root)
    for name in ("splits.json", "features.json"):
        if (root / name).exists():
            write_bytes(out / name, (root / name).read_bytes())
    for game in sorted(games):
        (out / game).mkdir(parents=True, exist_ok=True)
        for name in {file.name for folder in layout.folders(game) for file in (root / folder).glob("Labels*.json")}:
            write_bytes(out / game / name, (root / layout.place(game, name)).read_bytes())
