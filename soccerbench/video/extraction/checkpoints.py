"""Which checkpoint each model is extracted with, and the models with their weights in place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from soccerbench.errors import InputError
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.training.checkpoint import CHECKPOINT
from soccerbench.video.extraction.sliding import channels_last
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.build import build
from soccerbench.video.models.weights import load_weights

SEED = 0


@dataclass(frozen=True)
class Weights:
    """The checkpoint of one model, or random weights; and the hash that stands for them."""

    file: Path | None
    digest: str


class Loaded(NamedTuple):
    """A model with its weights, and what they are, in one line."""

    model: Extractor
    said: str


def find_weights(models: Sequence[str], given: Sequence[str], *, untrained: bool) -> dict[str, Weights]:
    """A checkpoint for each model.

    Args:
        models: names.
        given: `MODEL=FILE`, or a folder that holds `MODEL/…/checkpoint.pt`; a file that is named goes before a folder.
        untrained: a model that nothing is given for has random weights.

    Raises:
        InputError: no such file or folder, or several checkpoints of one model in it.
        ValueError: a model without a checkpoint.
    """
    named, folders = {}, []
    for text in given:
        model, equals, file = text.partition("=")
        if equals and model in models:
            named[model] = Path(file)
        else:
            folders.append(Path(text))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(folder, "no such folder", f"give a folder, or MODEL=FILE for one of {', '.join(models)}")
    found = {}
    for model in models:
        file_of = named.get(model) or _only_one(model, folders)
        if file_of is not None:
            found[model] = Weights(file_of, _hash(file_of))
        elif untrained:
            found[model] = Weights(None, f"untrained-{SEED}")
        else:
            raise ValueError(
                f"no checkpoint for {model}: give --checkpoints {model}=FILE, a folder with {model}/…/{CHECKPOINT}, "
                "or --untrained for random weights"
            )
    return found


def load_models(
    rows: Sequence[ExtractorRow], weights: Mapping[str, Weights], device: torch.device, *, plugin: Path | None = None
) -> dict[str, Loaded]:
    """The models by name, in evaluation mode on a device; random weights are the same whatever was drawn before.

    Args:
        rows: their specs.
        weights: their checkpoints, by model.
        device: where they are to be.
        plugin: the file of models of one's own.

    Raises:
        InputError: a checkpoint of another model, or one with pickled code.
        SpecError: a model of one's own that the plugin does not hold.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # where float32 is asked for, float32 is meant
    models = {}
    for row in rows:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model = build(row, plugin=plugin)
        file = weights[row.model].file
        said = f"random weights of seed {SEED}" if file is None else load_weights(model, file, row)
        model = model.eval().requires_grad_(False).to(device)
        if channels_last(model, device):
            _lay_channels_last(model)
        models[row.model] = Loaded(model, said)
    return models


def _lay_channels_last(model: nn.Module) -> None:
    for weight in model.parameters():
        if weight.ndim in (4, 5):
            order = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
            weight.data = weight.data.contiguous(memory_format=order)


def _only_one(model: str, folders: Sequence[Path]) -> Path | None:
    found = [file for folder in folders for file in sorted((folder / model).rglob(CHECKPOINT))]
    if len(found) > 1:
        places = ", ".join(str(file.parent) for file in found)
        raise InputError(found[0], f"one of {len(found)} checkpoints of {model} ({places})", f"name it: {model}=FILE")
    return found[0] if found else None


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            for piece in iter(partial(stream.read, 2**20), b""):
                digest.update(piece)
        return digest.hexdigest()[:16]
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "give a checkpoint's file") from None
