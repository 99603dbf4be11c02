"""Checkpoints that survive a kill at any moment, and are checked before they are used.

The last two are kept: a new one is written to another file, the newest becomes the previous one, and only then does the
new one take its name. A damaged one is renamed and the one before it is used.

A checkpoint of a head describes itself: `Description` is all that is needed to use the head on other features.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, JsonValue, ValidationError

from soccerbench.errors import InputError, first_error
from soccerbench.files import replacing
from soccerbench.specs.base import Frozen
from soccerbench.specs.features import Block
from soccerbench.torch_files import DamagedFileError, read_torch_file

CHECKPOINT = "checkpoint.pt"
PREVIOUS = "checkpoint-previous.pt"

log = logging.getLogger(__name__)


class Description(Frozen):
    """What a head is and what it was trained on.

    Attributes:
        spec: its row: task, head, architecture, features, chunk, NMS.
        blocks: every block of the files that the row reads, in the order of the columns.
        classes: names of the outputs, without the background.
        trained_on: split -> number of games.
    """

    spec: dict[str, JsonValue]
    fps: Annotated[int, Field(gt=0, le=1000)]
    blocks: dict[str, Block]
    classes: tuple[str, ...]
    dataset: str
    simulated: bool
    trained_on: dict[str, int]


def read(file: Path) -> tuple[Description, dict[str, torch.Tensor]]:
    """The description and the weights in a checkpoint of a head.

    Raises:
        InputError: missing, damaged, without a description, or more than tensors and plain containers.
    """
    remedy = "give the folder of a run of `soccerbench reproduce`, or train its row again with --force"
    try:
        state = read_torch_file(file)
    except DamagedFileError as error:
        raise InputError(file, str(error), remedy) from None
    weights = state.get("best") or state.get("model") if isinstance(state, dict) else None
    if not isinstance(weights, dict) or not isinstance(state.get("about"), dict):
        raise InputError(file, "no head that describes itself", remedy)
    if not all(isinstance(name, str) and _is_whole(value) for name, value in weights.items()):
        raise InputError(file, "its weights are not named tensors of finite numbers", remedy)
    try:
        return Description.model_validate(state["about"]), weights
    except ValidationError as error:
        raise InputError(file, f"its description cannot be used: {first_error(error)}", remedy) from None


def _is_whole(value: object) -> bool:
    """Whether a value is a tensor whose numbers are all in the file, and finite."""
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.device.type != "cpu":
        return False
    return value.untyped_storage().nbytes() >= value.numel() * value.element_size() and bool(value.isfinite().all())


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
