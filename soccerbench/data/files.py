"""Reading trees of files safely, from a folder or a zip alike, and writing files so that none is ever half there.

Conventions
    name    a path inside the tree, with forward slashes, relative, without `..`
    limits  one file may unpack to MAX_BYTES, a whole zip to MAX_TOTAL_BYTES in MAX_ENTRIES; a zip that promises more
            is refused before anything is unpacked, and one that promises less than it holds is cut off
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import IO, Any

import orjson

from soccerbench.data.errors import InputError
from soccerbench.data.parsing import parse_json

MAX_BYTES = 40 * 2**20
MAX_TOTAL_BYTES = 8 * 2**30
MAX_ENTRIES = 20_000
MAX_DIRECTORY_BYTES = 8 * 2**20


class Tree:
    """A folder or a zip archive, read by relative names.

    Args:
        path: an existing folder or a zip file.

    Attributes:
        repeated: names that stand more than once in the zip; as everywhere, the last of them is read.

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
            for folder, _, files in os.walk(self.path)
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


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing under a temporary name beside it; it takes its real name only when all is written.

    Raises:
        InputError: the disk is full or the folder cannot be written; the temporary file is removed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise InputError(
            path, f"cannot be written ({error.strerror or error})", "free some space or choose another folder"
        ) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, to be renamed when it is complete; removed again unless it was.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    folder = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        folder.chmod(0o755)
        yield folder
    except OSError as error:
        raise InputError(
            out, f"cannot be written ({error.strerror or error})", "free some space or choose another folder"
        ) from None
    finally:
        if folder is not None and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


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
