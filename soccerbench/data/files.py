"""Reading trees of files safely, from a folder or a zip alike, and writing files so that none is ever half there.

Conventions
    name    a path inside the tree, with forward slashes, relative, without `..`
    limits  one JSON file may unpack to at most MAX_BYTES; a zip that promises more is refused before it is unpacked
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import orjson

from soccerbench.data.errors import InputError

MAX_BYTES = 256 * 2**20


class Tree:
    """A folder or a zip archive, read by relative names.

    Args:
        path: an existing folder or a zip file.

    Raises:
        InputError: neither a folder nor a readable zip, or a zip with names that leave it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            return
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise InputError(path, "no such folder or zip", "give the folder or zip that holds the games") from None
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InputError(path, f"not a readable zip ({error})", "give a folder or an undamaged zip") from None
        for name in self._zip.namelist():
            if not _is_inside(name):
                raise InputError(path, f"entry {name!r} leaves the archive", "pack the games with relative names")

    def names(self) -> list[str]:
        """Every file in the tree, sorted."""
        if self._zip is not None:
            return sorted(name for name in self._zip.namelist() if not name.endswith("/"))
        return sorted(
            Path(folder, file).relative_to(self.path).as_posix()
            for folder, _, files in os.walk(self.path)
            for file in files
        )

    def __contains__(self, name: str) -> bool:
        if self._zip is None:
            return (self.path / name).is_file()
        try:
            self._zip.getinfo(name)
        except KeyError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            InputError: missing, unreadable, damaged or larger than MAX_BYTES.
        """
        try:
            if self._zip is None:
                file = self.path / name
                self._check_size(name, file.stat().st_size)
                return file.read_bytes()
            info = self._zip.getinfo(name)
            self._check_size(name, info.file_size)
            with self._zip.open(info) as stream:
                data = stream.read(MAX_BYTES + 1)
            self._check_size(name, len(data))
        except (FileNotFoundError, NotADirectoryError, KeyError):
            raise InputError(self.path / name, "missing", "put the file there or leave the game out") from None
        except InputError:
            raise
        except (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise InputError(self.path / name, f"cannot be read ({error})", "copy the file again") from None
        except Exception as error:  # zlib.error, lzma.LZMAError: whatever the entry's method raises on damage
            raise InputError(self.path / name, f"cannot be unpacked ({error})", "copy the archive again") from None
        return data

    def json(self, name: str) -> Any:
        """The parsed JSON of one file.

        Raises:
            InputError: as `read`, or no JSON in it (NaN and infinity are no JSON).
        """
        return parse_json(self.read(name), self.path / name)

    def _check_size(self, name: str, size: int) -> None:
        if size > MAX_BYTES:
            raise InputError(
                self.path / name,
                f"{size} bytes unpacked, at most {MAX_BYTES} are read",
                "this is no prediction or label file; check what was packed",
            )


def parse_json(data: bytes, path: Path) -> Any:
    """Parse JSON bytes, or say in one line where they stop being JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno} column {error.colno}: no JSON ({error.msg})",
                         "write the file again") from None


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(name) and "\0" not in name and ".." not in parts and not name.startswith(("/", "\\")) and ":" not in (
        parts[0] if parts else ""
    )


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
        temporary.unlink(missing_ok=True)
        raise InputError(path, f"cannot be written ({error.strerror or error})",
                         "free some space or choose another folder") from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
