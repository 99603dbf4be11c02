"""Checkpoints that survive a kill at any moment, and are checked before they are used.

The last two are kept: a new one is written to another file, the newest becomes the previous one, and only then does the
new one take its name. A damaged one is renamed and the one before it is used.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from soccerbench.files import replacing
from soccerbench.torch_files import DamagedFileError, read_torch_file

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


def exists(folder: Path) -> bool:
    """Whether `folder` has a checkpoint, damaged or not."""
    return any((folder / name).exists() for name in (CHECKPOINT, PREVIOUS))


def load(folder: Path) -> dict[str, Any] | None:
    """The newest undamaged checkpoint of `folder`; none if there is none.

    A damaged one is renamed to `….damaged` and named in a warning.

    Raises:
        InputError: one that the system cannot read.
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
    """The state in a file; None if it is damaged."""
    try:
        state = read_torch_file(file)
    except DamagedFileError:
        return None
    return state if isinstance(state, dict) and {"epoch", "identity"} <= set(state) else None
