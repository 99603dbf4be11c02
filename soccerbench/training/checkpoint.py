"""Checkpoints that survive a kill at any moment, and are never trusted blindly.

The last two are kept: a new one is written aside, the present one becomes the previous one, and only then does the new
one take its name. A damaged one is set aside and the one before it is used.
"""

from __future__ import annotations

import errno
import logging
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from soccerbench.errors import InputError
from soccerbench.files import replacing

CHECKPOINT = "checkpoint.pt"
PREVIOUS = "checkpoint-previous.pt"

log = logging.getLogger(__name__)


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` as the newest checkpoint of `folder`.

    Raises:
        InputError: the disk is full; the checkpoints that were there are still there.
    """
    newest = folder / CHECKPOINT
    with replacing(folder / "checkpoint-new.pt") as stream:
        try:
            torch.save(state, stream)
        except RuntimeError as error:  # torch closes its archive on the way out, and fails again in doing so
            raise error.__context__ or error from None
    if newest.exists():
        newest.replace(folder / PREVIOUS)
    (folder / "checkpoint-new.pt").replace(newest)


def load(folder: Path) -> dict[str, Any] | None:
    """The newest undamaged checkpoint of `folder`; none if there is none.

    A damaged one is renamed to `….damaged` and named in a warning.

    Raises:
        InputError: one that cannot be read, which says nothing about what it holds.
    """
    for name in (CHECKPOINT, PREVIOUS):
        file = folder / name
        if not file.exists():
            continue
        state = _read(file)
        if state is not None:
            return state
        aside = file.with_name(f"{name}.damaged")
        file.replace(aside)
        log.warning("%s: damaged; set aside as %s, its last epoch is trained again", file, aside.name)
    return None


def _read(file: Path) -> dict[str, Any] | None:
    """The state that a file holds; none where it is damaged."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True) if _is_whole(file) else None
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(file, problem, "see to its disk and its rights: the same command then goes on") from None
    except RuntimeError as error:  # such as too little memory
        if "PytorchStreamReader" not in str(error):
            raise
        return None
    except (EOFError, ValueError, KeyError, pickle.UnpicklingError):
        return None
    return state if isinstance(state, dict) and {"epoch", "identity"} <= set(state) else None


def _is_whole(file: Path) -> bool:
    """Whether a file is an archive all of whose bytes are as they were written."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error):
        return False
    except OSError as error:
        if error.errno != errno.EINVAL:  # a damaged index leads to places that no file has
            raise
        return False
