"""The folder of one run: whose it is, and how it makes room for another.

A folder holds a run of one identity: a record once it is finished, checkpoints until then. It is never overwritten by a
run of another identity unless that is asked for, and then only once the new run is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.training import checkpoint


def changed(
    folder: Path,
    identity: Mapping[str, str],
    *,
    record: Path,
    identity_of: Callable[[Path], Mapping[str, str]],
) -> list[str]:
    """The keys of an identity in which the folder's run, finished or begun, differs.

    Args:
        folder: of the run.
        identity: what a new run would depend on.
        record: of the finished run; where it is missing, the checkpoint tells.
        identity_of: reads the identity out of the record; all keys differ where it finds no usable one.
    """
    if record.exists():
        try:
            was = identity_of(record)
        except InputError:
            return list(identity)
    else:
        state = checkpoint.load(folder)
        was = identity if state is None else state["identity"]
    return [key for key, value in identity.items() if was.get(key) != value]


def refuse_another(folder: Path, keys: list[str]) -> None:
    """Refuse to go on with a run of another identity.

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
    """Make room for another run; what was there is kept beside it until `forget`."""
    forget(folder)
    folder.rename(_replaced(folder))


def forget(folder: Path) -> None:
    """Remove what was set aside, if anything was."""
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.replaced")
