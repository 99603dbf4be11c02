"""Weights from files, read safely into the models of Table 1.

Two kinds are read: a network for images as timm publishes it, which becomes the backbone, inflated where the backbone
is for video; and a model that was fine-tuned here, whole. A file is data and never code: only tensors and plain
containers are unpickled, and each weight is checked by name and shape before any is put in place.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from soccerbench.errors import InputError
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.torch_files import DamagedFileError, read_torch_file
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.inflation import inflate_weight

COUNTER = "num_batches_tracked"  # of batch norms; files of old versions lack it
NETWORKS = ("state_dict_ema", "model_ema", "state_dict", "model")  # where training scripts put the tensors, best first
WRAPPERS = ("_orig_mod.", "module.", "_orig_mod.")  # of compiled and of data-parallel networks, in either order
CLASSIFIERS = ("fc.", "head.")  # of timm's ResNets and ViTs


def load_weights(model: Extractor, path: Path, row: ExtractorRow) -> str:
    """Put the weights of a file into a model of `build`.

    Args:
        model: changed in place, or not at all where an error is raised.
        path: safetensors, or a file of `torch.save`: a timm network for images, or a checkpoint of a fine-tuning.
        row: what the model was built from.

    Returns:
        What was loaded, and what was left fresh, in one line.

    Raises:
        InputError: no checkpoint, a damaged one, one that holds code, or one of another network.
    """
    try:
        content = _read(path)
        if "identity" in content and "model" in content:
            model.load_state_dict(_fitted(_tensors(content["model"]), model, name=row.model))
            extent = "whole" if content.get("finished") is True else "NOT FINISHED: its `finetune` resumes from it"
            return f"{path}: a fine-tuned {row.model}, {extent}"
        return f"{path}: {_load_images(model, _tensors(_network(content)), row)}"
    except _UnfitError as error:
        raise InputError(path, str(error), error.remedy) from None


class _UnfitError(Exception):
    """Why a file does not fit, and what would."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def _network(content: dict[str, Any]) -> Any:
    """The named tensors of a checkpoint, found and named as timm's own loader does."""
    found = next((content[key] for key in NETWORKS if content.get(key) is not None), content)
    if not isinstance(found, dict):
        return found
    return {reduce(str.removeprefix, WRAPPERS, str(name)): tensor for name, tensor in found.items()}


def _load_images(model: Extractor, tensors: dict[str, Tensor], row: ExtractorRow) -> str:
    """Put a network for images into the backbone; what was done."""
    backbone = getattr(model, "backbone", None)
    if backbone is None:
        remedy = f"give a checkpoint that `soccerbench finetune {row.model}` wrote"
        raise _UnfitError(f"no fine-tuned model, and no network for images fits into {row.architecture}", remedy)
    classifier = {name: tensor for name, tensor in tensors.items() if name.startswith(CLASSIFIERS)}
    rest = {name: tensor for name, tensor in tensors.items() if name not in classifier}
    backbone.load_state_dict(_fitted(rest, backbone, name=f"{row.backbone} at {row.size} pixels"))
    sizes = [len(tensor) for name, tensor in classifier.items() if name.endswith("bias")]
    left = f"; its classifier of {sizes[0]} classes is left out" if sizes else ""
    return f"{row.backbone} for images as the backbone{left}; the rest of {row.model} is fresh"


def _fitted(tensors: Mapping[str, Tensor], module: nn.Module, *, name: str) -> dict[str, Tensor]:
    """The module's state out of a file's tensors: every one there, none more, each of its shape or inflated to it."""
    expected = module.state_dict()
    remedy = f"give a checkpoint of {name}"
    missing = [key for key in expected if key not in tensors and not key.endswith(COUNTER)]
    unknown = [key for key in tensors if key not in expected]
    if missing or unknown:
        first = f"{missing[0]} is missing" if missing else f"{unknown[0][:60]!r} is unknown"
        raise _UnfitError(f"weights of another network: {first}", remedy)
    state = {}
    for key, own in expected.items():
        given = tensors.get(key, own)
        if given.dim() == 4 and own.dim() == 5 and given.shape == (*own.shape[:2], *own.shape[3:]):
            given = inflate_weight(given, own.shape)
        if given.shape != own.shape:
            raise _UnfitError(f"{key} has shape {tuple(given.shape)}, not {tuple(own.shape)}", remedy)
        state[key] = given
    return state


def _read(path: Path) -> dict[str, Any]:
    """What a file holds, as plain containers and tensors."""
    again = "give a timm checkpoint (safetensors, or as torch saves it) or one of `soccerbench finetune`, undamaged"
    if not path.is_file():
        raise _UnfitError("no such file", again)
    try:
        content = read_torch_file(path) if _is_of_torch(path) else load_file(path)
    except DamagedFileError as error:
        raise _UnfitError(str(error), again) from None
    except InputError:
        raise
    except Exception as error:  # whatever damage makes safetensors raise
        raise _UnfitError(f"damaged, or not a checkpoint ({type(error).__name__} on reading)", again) from None
    if not isinstance(content, dict):
        raise _UnfitError("no named tensors in it", again)
    return content


def _is_of_torch(path: Path) -> bool:
    """Whether a file is a zip or a pickle; the header of a safetensors file begins with a brace at byte 8."""
    with path.open("rb") as stream:
        head = stream.read(9)
    return zipfile.is_zipfile(path) or (head.startswith(b"\x80") and not head.endswith(b"{"))


def _tensors(content: object) -> dict[str, Tensor]:
    """Named tensors of finite numbers, each no larger than what the file holds of it."""
    again = "give a checkpoint as it was published or written"
    if not isinstance(content, dict) or not content:
        raise _UnfitError("no named tensors in it", again)
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise _UnfitError(f"{str(name)[:60]!r} is no tensor", again)
        is_whole = tensor.layout is torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not is_whole or tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise _UnfitError(f"{name[:60]!r} claims more numbers than the file holds", again)
        if not tensor.isfinite().all():
            raise _UnfitError(f"{name[:60]!r} holds numbers that are not finite", again)
    return content
