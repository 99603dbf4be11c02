"""A copy of a packed root on a fast disk of this machine, from a folder or an object store, made once and verified.

Conventions
    source  a folder, or an address that fsspec reads: `s3://…`, `gs://…`, `hf://…`
    once    one process copies, the others of the machine wait; the copy gets its name after its checksums agree
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from soccerbench.errors import InputError
from soccerbench.features.packed import INDEX
from soccerbench.features.verify import verify
from soccerbench.files import folder_next_to
from soccerbench.lease import only_writer

Value = TypeVar("Value")


def staged(source: str, folder: Path) -> Path:
    """The copy of a packed root below `folder`, under the name of the root; made now if it is not there."""
    system, path = _opened(source)
    target = folder / PurePosixPath(path).name
    with only_writer(target):
        index = _reading(source, lambda: system.cat_file(f"{path}/{INDEX}"))
        if (target / INDEX).exists():
            if (target / INDEX).read_bytes() != index:
                raise InputError(
                    target, f"is a copy of another pack than {source}", "remove it or give another --stage"
                )
            return target
        with folder_next_to(target) as part:
            _reading(source, lambda: system.get(f"{path}/", f"{part}/", recursive=True))
            problems = verify(part).problems
            if problems:
                one = problems[0]
                where = " ".join(text for text in (one.split, one.game, one.file) if text)
                raise InputError(source, f"its copy has {one.check}: {where} {one.problem}", "verify the source")
            part.rename(target)
    return target


def copied_to(folder: Path, address: str) -> str:
    """Copy a folder of results into a folder of an object store; where they are now."""
    system, path = _opened(address)
    target = f"{path.rstrip('/')}/{folder.name}"
    _reading(address, lambda: system.put(f"{folder}/", f"{target}/", recursive=True))
    return str(system.unstrip_protocol(target))


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it without a slash at the end."""
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise InputError(address, f"cannot be opened ({error})", "install what fsspec needs for it") from None
    return system, str(path).rstrip("/")


def _reading(address: str, work: Callable[[], Value]) -> Value:
    try:
        return work()
    except FileNotFoundError as error:
        raise InputError(address, f"no such file ({error})", "give a packed root: `soccerbench data pack`") from None
    except InputError:
        raise
    except Exception as error:  # each store has its own
        raise InputError(address, f"cannot be copied ({type(error).__name__}: {error})", "check the address") from None
