"""The folder of one run: which run it belongs to, and how it makes room for another.

`identity.json` is written before anything else and says what the run depends on. A folder is never overwritten by a run
of another identity unless that is asked for; the old one is then kept until the new run is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from soccerbench.errors import InputError
from soccerbench.files import write_json
from soccerbench.training import checkpoint

IDENTITY = "identity.json"


def read_identity(folder: Path) -> dict[str, str]:
    """What the folder's run depends on; empty where that is not known."""
    try:
        content = orjson.loads((folder / IDENTITY).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def changed(folder: Path, identity: Mapping[str, str], *, record: Path) -> list[str]:
    """The keys of an identity in which the folder's run differs; none where it has neither a record nor a checkpoint.

    All keys differ where there is a run without a readable `identity.json`.

    Args:
        folder: of the run.
        identity: what a new run would depend on.
        record: of the finished run, in the folder.
    """
    if not record.exists() and not checkpoint.exists(folder):
        return []
    before = read_identity(folder)
    return [key for key, value in identity.items() if before.get(key) != value]


def is_damaged(record: Path, read: Callable[[Path], object]) -> bool:
    """Whether there is a record that `read` refuses with an InputError."""
    try:
        return record.exists() and not read(record)
    except InputError:
        return True


def claim(folder: Path, identity: Mapping[str, str]) -> None:
    """Make the folder, and write what its run depends on.

    Raises:
        InputError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / IDENTITY, dict(identity))


def refuse_another(folder: Path, keys: list[str]) -> None:
    """Refuse to resume a run of another identity.

    Args:
        folder: of the run.
        keys: in which it differs, as `changed` gives them.

    Raises:
        InputError: there are any.
    """
    if keys:
        raise InputError(
            folder,
            f"holds a run of another {' and '.join(keys)}",
            "run it again with --force, or keep it and choose another --out",
        )


def set_aside(folder: Path) -> None:
    """Make room for another run; what was there is kept in `<folder>.replaced` until `forget`."""
    forget(folder)
    folder.rename(_replaced(folder))


def forget(folder: Path) -> None:
    """Remove what was set aside, if anything was."""
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.replaced")
