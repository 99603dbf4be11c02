"""A dataset's or a submission's files, from a folder or a zip alike, and their JSON: read safely and within limits.

Conventions
    name      a path inside the tree, with forward slashes, relative, without `..`
    limits    one file may unpack to MAX_BYTES, a whole zip to MAX_TOTAL_BYTES in MAX_ENTRIES; a zip that declares more
              is refused before anything is unpacked, and one that declares less than it holds is cut off
    lenient   also what Python's own parser takes and the standard forbids (NaN, infinity, lone surrogates, long
              integers), since the official scorer reads with it; what that parser refuses is refused here too
    repeated  a key that appears twice in one object: every parser silently keeps the last
"""

from __future__ import annotations

import io
import json
import weakref
import zipfile
from collections import Counter
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
import orjson

from soccerbench.errors import InputError
from soccerbench.files import walked

MAX_CONTAINERS = 1_000_000
_REMEDY = "write the file again"
MAX_BYTES = 40 * 2**20
MAX_TOTAL_BYTES = 8 * 2**30
MAX_ENTRIES = 20_000
MAX_DIRECTORY_BYTES = 8 * 2**20


class Tree:
    """A folder or a zip archive, read by relative names.

    Args:
        path: an existing folder or a zip file.

    Attributes:
        repeated: names that appear more than once in the zip; as everywhere, the last of them is read.

    Raises:
        InputError: neither a folder nor a readable zip, or a zip that is over the limits or has names that leave it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repeated: list[str] = []
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            return
        stream, self._zip = _open_zip(path)
        weakref.finalize(self, stream.close)
        entries = self._zip.infolist()
        for entry in entries:
            if not _is_inside(entry.filename):
                raise InputError(
                    path, f"entry {entry.filename!r} leaves the archive", "pack the games with relative names"
                )
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
            problem = f"{len(entries)} entries of {total} bytes, at most {MAX_ENTRIES} of {MAX_TOTAL_BYTES} are read"
            raise InputError(path, problem, "pack nothing but the JSON files of the games")
        self.repeated = [name for name, count in Counter(self._zip.namelist()).items() if count > 1]

    def names(self) -> list[str]:
        """Every file in the tree, sorted."""
        if self._zip is not None:
            return sorted({name for name in self._zip.namelist() if not name.endswith("/")})
        return sorted(
            Path(folder, file).relative_to(self.path).as_posix()
            for folder, files in walked(self.path)
            for file in files
        )

    def __contains__(self, name: str) -> bool:
        if self._zip is None:
            return _is_inside(name) and (self.path / name).is_file()
        try:
            self._zip.getinfo(name)
        except KeyError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            InputError: missing, outside the tree, unreadable, damaged or larger than MAX_BYTES.
        """
        if not _is_inside(name):
            raise InputError(self.path / name, "leads out of the folder", "name games by relative paths")
        try:
            return self._read_file(self.path / name) if self._zip is None else self._read_entry(self._zip, name)
        except (FileNotFoundError, NotADirectoryError, KeyError):
            raise InputError(self.path / name, "missing", "put the file there or leave the game out") from None
        except InputError:
            raise
        except (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise InputError(self.path / name, f"cannot be read ({error})", "copy the file again") from None
        except Exception as error:  # zlib.error, lzma.LZMAError: whatever the entry's method raises on damage
            raise InputError(self.path / name, f"cannot be unpacked ({error})", "copy the archive again") from None

    def json(self, name: str) -> Any:
        """The parsed JSON of one file.

        Raises:
            InputError: as `read`, or no JSON in it (NaN and infinity are no JSON).
        """
        return parse_json(self.read(name), self.path / name)

    def _read_file(self, path: Path) -> bytes:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise InputError(path, "no regular file", "put the JSON file itself there")
        _check_size(path, status.st_size)
        return path.read_bytes()

    def _read_entry(self, archive: zipfile.ZipFile, name: str) -> bytes:
        info = archive.getinfo(name)
        if info.file_size > MAX_BYTES:
            _check_size(self.path / name, info.file_size)
        with archive.open(info) as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            _check_size(self.path / name, len(data))
        return data


class _Bounded(io.BufferedReader):
    """A file that refuses to be read in pieces larger than `limit`: a zip's directory is read in one."""

    limit: int

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.limit:
            raise ValueError(f"a directory of {size} bytes, at most {self.limit} are read")
        return super().read(size)


def _open_zip(path: Path) -> tuple[_Bounded, zipfile.ZipFile]:
    stream = None
    try:
        stream = _Bounded(io.FileIO(path))
        stream.limit = MAX_DIRECTORY_BYTES
        archive = zipfile.ZipFile(stream)
    except FileNotFoundError:
        raise InputError(path, "no such folder or zip", "give the folder or zip that holds the games") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        if stream is not None:
            stream.close()
        raise InputError(path, f"not a readable zip ({error})", "give a folder or an undamaged zip") from None
    stream.limit = MAX_BYTES + 1
    return stream, archive


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        problem = f"{size} bytes unpacked, at most {MAX_BYTES} are read"
        raise InputError(path, problem, "this is no prediction or label file; check what was packed")


def _is_inside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return bool(parts[0]) and "\0" not in name and ".." not in parts and ":" not in parts[0]


def parse_json(data: bytes, path: Path, *, lenient: bool = False) -> Any:
    """Parse JSON bytes.

    Args:
        data: the whole file.
        path: named in errors.
        lenient: read what Python's parser reads, not only what the standard allows.

    Raises:
        InputError: no JSON, or more than MAX_CONTAINERS objects and lists.
    """
    containers = data.count(b"{") + data.count(b"[") if len(data) > 2 * MAX_CONTAINERS else 0
    if containers > MAX_CONTAINERS:
        problem = f"{containers} objects and lists, at most {MAX_CONTAINERS} are read"
        raise InputError(path, problem, "this is no prediction or label file; check what was packed")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}: no JSON ({error.msg})"
    if lenient:
        try:
            return json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError):
            pass
    raise InputError(path, place, _REMEDY)


def count_repeated_keys(data: bytes, path: Path, *, keys: int) -> int:
    """Keys that appear more than once in their object.

    Args:
        data: JSON that `parse_json` has read.
        path: named in errors.
        keys: keys in the parsed document; where the text has just as many, nothing is repeated and the file is
            not parsed again.

    Raises:
        InputError: nested too deeply to be looked through.
    """
    if _closes_keys(data, keys):
        return 0
    repeated = 0

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        entry = dict(pairs)
        repeated += len(pairs) - len(entry)
        return entry

    try:
        json.loads(data.decode("utf-8"), object_pairs_hook=count)
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be looked through for repeated keys ({error})", _REMEDY) from None
    return repeated


def _closes_keys(data: bytes, keys: int) -> bool:
    """Whether exactly `keys` colons follow a quote and none follows a space; False too where a string holds such."""
    text = np.frombuffer(data, np.uint8)
    before, colon = text[:-1], text[1:] == ord(":")
    return np.count_nonzero(colon & (before == ord('"'))) == keys and not (colon & (before <= ord(" "))).any()
