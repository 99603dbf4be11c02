"""Atomic writes: to a temporary file or folder `.<name>.<writer>.part`, then renamed.

What a writer that was killed left is removed when the same thing is written again; that of a living one never is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import orjson

from soccerbench.errors import not_written
from soccerbench.processes import Writer


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing under a temporary name next to it; it is renamed to `path` when all is written.

    Raises:
        InputError: the disk is full or the folder cannot be written; the temporary file is removed.
    """
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, of=path.name)
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise not_written(path, error) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def folder_next_to(out: Path) -> Iterator[Path]:
    """A temporary folder next to `out`, to be renamed when it is complete; removed if it was not.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    folder = _temporary(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(out.parent, of=out.name)
        folder.mkdir()
        yield folder
    except OSError as error:
        raise not_written(out, error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path, *, of: str = "") -> None:
    """Remove what `leftovers` finds."""
    for part in leftovers(folder, of=of):
        remove(part)


def leftovers(folder: Path, *, of: str = "") -> Iterator[Path]:
    """What processes of this machine that have ended began to write in a folder.

    Args:
        folder: looked at, not what is below it.
        of: the name of the file or folder that they were writing; any if not given.
    """
    for part in folder.glob(".*.part"):
        name, *writer = part.name[1:].removesuffix(".part").rsplit(".", 3)
        found = Writer.parse(".".join(writer))
        if found is not None and of in ("", name) and found.is_dead:
            yield part


def remove(path: Path) -> None:
    """Remove a file, or a folder and what is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{Writer.this()}.part")


def walked(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """`root` and every folder below it with the names of its files, through symbolic links too, each folder once."""
    seen: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            names.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield Path(folder), files


def sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` all at once or not at all."""
    with replacing(path) as stream:
        stream.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, all at once or not at all."""
    write_bytes(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n")


def write_zip(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a deflated zip with fixed time stamps, so that equal contents give equal bytes."""
    with replacing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2021, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
