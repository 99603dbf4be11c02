"""A dataset's or a submission's files, from a folder, a zip or one JSON file alike: read safely and within limits.

Conventions
    name      a path inside the tree, with forward slashes, relative, without `.` and `..`, in Unicode's composed form
    clutter   what systems add and nobody packs: `__MACOSX`, `Thumbs.db`, all names that begin with a dot
    limits    one file may unpack to MAX_BYTES with MAX_VALUES, the JSON of a zip to MAX_TOTAL_BYTES in MAX_ENTRIES; a
              zip that declares more is refused before anything is unpacked, and one that declares less than it holds is
              cut off; `reading_at_most` moves all limits together
    lenient   also what Python's own parser takes and the standard forbids (NaN, infinity, lone surrogates, long
              integers), since the official scorer reads with it; what that parser refuses is refused here too
    repeated  a key that appears twice in one object: every parser silently keeps the last
"""

from __future__ import annotations

import io
import json
import os
import unicodedata
import weakref
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
import orjson

from soccerbench.errors import InputError, os_error
from soccerbench.files import walked

GAME_KEYS = ("UrlLocal", "UrlLocal:", "Game:")  # under which files name their game
MAX_CONTAINERS = 1_000_000
_REMEDY = "write the file again"
_CLUTTER = ("thumbs.db", "desktop.ini")
MAX_MIB = 128
MAX_BYTES = MAX_MIB * 2**20
MAX_VALUES = 8_000_000
MAX_TOTAL_BYTES = 8 * 2**30
MAX_ENTRIES = 20_000
MAX_DIRECTORY_BYTES = 8 * 2**20
_growth: ContextVar[float] = ContextVar("growth", default=1.0)


@contextmanager
def reading_at_most(mib: float) -> Iterator[None]:
    """Read files of at most `mib` MiB instead of MAX_MIB; all other limits grow or shrink with it."""
    token = _growth.set(mib / MAX_MIB)
    try:
        yield
    finally:
        _growth.reset(token)


def _most(limit: int) -> int:
    return int(limit * _growth.get())


def _raise_it(what: str) -> str:
    return f"{what}, or raise --max-mib (now {_growth.get() * MAX_MIB:g})"


class Tree:
    """A folder, a zip archive or a single JSON file, read by relative names.

    Args:
        path: an existing folder, zip or JSON file.

    Attributes:
        repeated: names that appear more than once in the zip; as everywhere, the last of them is read.
        oddities: of a zip, how many names have which form that other programs write and this one reads past.
        packed_bytes: the size of a zip; 0 for a folder or a file.

    Raises:
        InputError: neither a folder nor a readable zip, or a zip that is over the limits or has names that leave it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repeated: list[str] = []
        self.oddities: Counter[str] = Counter()
        self.packed_bytes = 0
        self._stored: dict[str, str] = {}  # name -> as the folder or the zip spells it
        self._made: dict[str, tuple[bytes, Path]] = {}
        self._zip: zipfile.ZipFile | None = None
        self.is_file = path.suffix.lower() == ".json" and path.is_file()
        self._root = path.parent if self.is_file else path
        if self.is_file:
            self._stored = {path.name: path.name}
        if self.is_file or path.is_dir():
            return
        stream, self._zip = _open_zip(path)
        weakref.finalize(self, stream.close)
        self.packed_bytes = os.fstat(stream.fileno()).st_size
        entries = self._zip.infolist()
        for entry in entries:
            if not is_inside(entry.filename):
                raise InputError(
                    path, f"entry {entry.filename!r} leaves the archive", "pack the games with relative names"
                )
        total = sum(entry.file_size for entry in entries if entry.filename.lower().endswith(".json"))
        most_entries, most_bytes = _most(MAX_ENTRIES), _most(MAX_TOTAL_BYTES)
        if len(entries) > most_entries or total > most_bytes:
            problem = f"{len(entries)} entries, {total} bytes of JSON; at most {most_entries} and {most_bytes} are read"
            raise InputError(path, problem, _raise_it("pack nothing but the JSON files of the games"))
        self._list(entries)

    def _list(self, entries: Iterable[zipfile.ZipInfo]) -> None:
        """Note the names of a zip's files, and in which of them other programs' habits show."""
        counts: Counter[str] = Counter()
        for entry in entries:
            name = tidy(_decoded(entry))
            if entry.filename.endswith(("/", "\\")):
                continue
            if _is_clutter(name):
                self.oddities["files that a system added"] += 1
                continue
            if "\\" in entry.filename:
                self.oddities["names with backslashes"] += 1
            if entry.filename.startswith("."):
                self.oddities["names that begin with ./"] += 1
            counts[name] += 1
            self._stored[name] = entry.filename
        self.repeated = [name for name, count in counts.items() if count > 1]

    def names(self) -> list[str]:
        """Every file in the tree but clutter, sorted."""
        if self._zip is not None or self.is_file:
            return sorted({*self._stored, *self._made})
        found: dict[str, str] = {}
        for folder, files in walked(self.path):
            for stored in (Path(folder, file).relative_to(self.path).as_posix() for file in files):
                if not _is_clutter(tidy(stored)) and is_inside(tidy(stored)):
                    found[tidy(stored)] = stored
        self._stored |= found
        return sorted({*found, *self._made})

    def call(self, name: str, stored: str) -> None:
        """Let a file that `names` gave be read by another name too."""
        if stored in self._made:
            self.put(name, *self._made[stored])
        else:
            self._stored[unicodedata.normalize("NFC", name)] = self._stored[stored]

    def put(self, name: str, data: bytes, path: Path) -> None:
        """Let `data`, made from the file at `path`, be read as a file of this name."""
        self._made[unicodedata.normalize("NFC", name)] = data, path

    def where(self, name: str) -> Path:
        """Where a file is, for messages; where it should be if it is missing."""
        if (made := self._made.get(self._key(name))) is not None:
            return made[1]
        return self._root / self._stored.get(self._key(name), name)

    def _key(self, name: str) -> str:
        return name if name.isascii() else unicodedata.normalize("NFC", name)

    def __contains__(self, name: str) -> bool:
        key, is_folder = self._key(name), self._zip is None and not self.is_file
        in_folder = is_folder and is_inside(name) and (self.path / name).is_file()
        return key in self._made or key in self._stored or in_folder

    def first(self, game: str, files: Iterable[str]) -> str | None:
        """The first of some files that a game has; its name without the game's."""
        return next((file for file in files if f"{game}/{file}" in self), None)

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            InputError: missing, outside the tree, unreadable, damaged or larger than MAX_BYTES.
        """
        if not is_inside(name):
            raise InputError(self.path / name, "leads out of the folder", "name games by relative paths")
        if (made := self._made.get(self._key(name))) is not None:
            return made[0]
        try:
            return self._read_file(name) if self._zip is None else self._read_entry(self._zip, name)
        except (FileNotFoundError, NotADirectoryError, KeyError):
            raise InputError(self.where(name), "missing", "put the file there or leave the game out") from None
        except InputError:
            raise
        except PermissionError as error:
            raise os_error(self.where(name), error, remedy="copy the file again") from None
        except (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise InputError(self.where(name), f"cannot be read ({error})", "copy the file again") from None
        except Exception as error:  # zlib.error, lzma.LZMAError: whatever the entry's method raises on damage
            raise InputError(self.where(name), f"cannot be unpacked ({error})", "copy the archive again") from None

    def json(self, name: str) -> Any:
        """The parsed JSON of one file.

        Raises:
            InputError: as `read`, or no JSON in it (NaN and infinity are no JSON).
        """
        return parse_json(self.read(name), self.where(name))

    def _read_file(self, name: str) -> bytes:
        path = self.where(name)
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise InputError(path, "no regular file", "put the JSON file itself there")
        self._check_size(name, status.st_size)
        return path.read_bytes()

    def _read_entry(self, archive: zipfile.ZipFile, name: str) -> bytes:
        info = archive.getinfo(self._stored[self._key(name)])
        self._check_size(name, info.file_size)
        with archive.open(info) as stream:
            data = stream.read(_most(MAX_BYTES) + 1)
        self._check_size(name, len(data))
        return data

    def _check_size(self, name: str, size: int) -> None:
        if size > _most(MAX_BYTES):
            problem = f"{size} bytes unpacked, at most {_most(MAX_BYTES)} are read"
            raise InputError(self.where(name), problem, _raise_it("check what was packed"))


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
        stream.limit = _most(MAX_DIRECTORY_BYTES)
        archive = zipfile.ZipFile(stream)
    except FileNotFoundError:
        raise InputError(path, "no such folder or zip", "give the folder or zip that holds the games") from None
    except PermissionError as error:
        raise os_error(path, error, remedy="copy the zip again") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        if stream is not None:
            stream.close()
        raise InputError(path, f"not a readable zip ({error})", "give a folder or an undamaged zip") from None
    stream.limit = _most(MAX_BYTES) + 1
    return stream, archive


def tidy(name: str) -> str:
    """A stored name as `Tree` gives it: forward slashes, no `.` in it, in Unicode's composed form."""
    parts = name.replace("\\", "/").split("/")
    return unicodedata.normalize("NFC", "/".join(part for part in parts if part not in ("", ".")))


def _decoded(entry: zipfile.ZipInfo) -> str:
    """An entry's name; without the flag for UTF-8, which macOS does not set, it may be UTF-8 all the same."""
    if not entry.flag_bits & 0x800 and not entry.filename.isascii():
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode("utf-8")
    return entry.filename


def _is_clutter(name: str) -> bool:
    *folders, file = name.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in (*folders, file)) or file.lower() in _CLUTTER


def is_inside(name: str) -> bool:
    """Whether a name stays inside its folder."""
    parts = name.replace("\\", "/").split("/")
    return bool(parts[0]) and "\0" not in name and ".." not in parts and ":" not in parts[0]


def parse_json(data: bytes, path: Path, *, lenient: bool = False) -> Any:
    """Parse JSON bytes.

    Args:
        data: the whole file.
        path: named in errors.
        lenient: read what Python's parser reads, not only what the standard allows.

    Raises:
        InputError: no JSON, or as `check_limits`.
    """
    check_limits(data, path)
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


def check_limits(data: bytes, path: Path) -> None:
    """Refuse JSON that would fill the memory.

    Raises:
        InputError: more than MAX_CONTAINERS objects and lists or MAX_VALUES values.
    """
    if len(data) > 2 * _most(MAX_CONTAINERS):
        for count, limit, what in (
            (data.count(b"{") + data.count(b"["), _most(MAX_CONTAINERS), "objects and lists"),
            (data.count(b","), _most(MAX_VALUES), "values"),
        ):
            if count > limit:
                raise InputError(path, f"{count} {what}, at most {limit} are read", _raise_it("check what was packed"))


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
    text = np.frombuffer(data, np.uint8)
    before, colon = text[:-1], text[1:] == ord(":")
    if np.count_nonzero(colon & (before == ord('"'))) == keys and not (colon & (before <= ord(" "))).any():
        return 0  # it is not, too, where a string holds such a colon
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
