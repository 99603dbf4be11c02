"""Reading files of `torch.save` that may be damaged or hostile: only tensors and plain containers, never code."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path
from typing import Any

import torch

from soccerbench.errors import InputError

MAX_BYTES = 8 * 2**30


class DamagedFileError(Exception):
    """Why a file is not a whole file of `torch.save` with nothing but tensors and plain containers."""


def read_torch_file(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """The content of a file that `torch.save` wrote, on the CPU.

    Args:
        path: a zip as torch writes it today, or the older format without one.
        max_bytes: unpacked, at most.

    Raises:
        InputError: there is no such file, or the system cannot read it: nothing is known about its content.
        DamagedFileError: it is damaged, too large, or holds more than tensors and plain containers.
        RuntimeError, MemoryError: too little memory.
    """
    try:
        _check_archive(path, max_bytes)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(path, "no such file", "give an existing file") from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # a damaged directory or index points to offsets outside the file
            raise DamagedFileError("damaged index") from None
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(path, problem, "check its disk and its permissions, then run the same command again") from None
    except (DamagedFileError, MemoryError):
        raise
    except Exception as error:  # whatever the damage makes zipfile, the unpickler or the storages raise
        if isinstance(error, RuntimeError) and "allocate" in str(error):
            raise
        reason = type(error).__name__
        raise DamagedFileError(f"damaged, or more than tensors, which could run code ({reason} on loading)") from None


def _check_archive(path: Path, max_bytes: int) -> None:
    """Refuse a zip with a damaged entry, and any file that is too large, before torch reads it."""
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            damaged = archive.testzip() if size <= max_bytes else None
        if damaged is not None:
            raise DamagedFileError(f"damaged: {damaged[:60]!r} has changed since it was written")
    if size > max_bytes:
        raise DamagedFileError(f"{size} bytes unpacked, at most {max_bytes} are read")
