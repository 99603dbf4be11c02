"""Weights from files, read safely into the models of Table 1.

Three kinds are read: a network for images as timm publishes it, which becomes the backbone, inflated where that is for
video; a network for video in one of the layouts of `public_layouts`; and a model that was fine-tuned here, whole.
A file is data and never code: only tensors and plain containers are unpickled, and each weight is checked by name and
shape before any is put in place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from soccerbench.errors import InputError
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.torch_files import DamagedFileError, read_torch_file
from soccerbench.video.models.base import CLASSES, Extractor
from soccerbench.video.models.inflation import inflate_weight
from soccerbench.video.models.public_layouts import Layout, recognised, renamed

COUNTER = "num_batches_tracked"  # of batch norms; files of old versions lack it
# where training scripts put the tensors, best first
NETWORKS = ("state_dict_ema", "model_ema", "state_dict", "model", "model_state")
WRAPPERS = ("_orig_mod.", "module.", "_orig_mod.")  # of compiled and of data-parallel networks, in either order
CLASSIFIERS = ("fc.", "head.")  # of timm's ResNets and ViTs
NAMED = 5  # names that a message lists, at most


def load_weights(model: Extractor, path: Path, row: ExtractorRow) -> str:
    """Put the weights of a file into a model of `build`; what was loaded, and what was left fresh, in one line.

    Args:
        model: changed in place, or not at all where an error is raised.
        path: safetensors, or a file of `torch.save`: a timm network for images, a network for video in a public layout,
            or a checkpoint of a fine-tuning.
    """
    try:
        content = _read(path)
        if "identity" in content and "model" in content:
            model.load_state_dict(_fitted(_tensors(content["model"]), model.state_dict(), name=row.model))
            extent = "whole" if content.get("finished") is True else "NOT FINISHED: its `finetune` resumes from it"
            return f"{path}: a fine-tuned {row.model}, {extent}"
        tensors = _tensors(_network(content))
        layout = recognised(tensors)
        if layout is None:
            return f"{path}: {_load_images(model, tensors, row)}"
        return f"{path}: {_load_video(model, tensors, row, layout)}"
    except _UnfitError as error:
        raise InputError(path, *error.args) from None


class _UnfitError(Exception):
    """Why a file does not fit, and what would."""


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
    backbone.load_state_dict(_fitted(rest, backbone.state_dict(), name=f"{row.backbone} at {row.size} pixels"))
    sizes = [len(tensor) for name, tensor in classifier.items() if name.endswith("bias")]
    left = f"; its classifier of {sizes[0]} classes is left out" if sizes else ""
    return f"{row.backbone} for images as the backbone{left}; the rest of {row.model} is fresh"


def _load_video(model: Extractor, tensors: dict[str, Tensor], row: ExtractorRow, layout: Layout) -> str:
    """Put a network for video into the model, or into its backbone; what was done."""
    if layout.refused:
        raise _UnfitError(f"{layout.title}: {layout.refused}", "give weights of another network")
    if row.model not in layout.fits:
        raise _UnfitError(f"{layout.title} does not fit {row.model}", f"give it to {' or '.join(layout.fits)}")
    own = model.state_dict()
    given, unknown = renamed(tensors, layout.rules, known={"", *own})
    classifiers = {name for name in given if "classify." in name}
    sizes = {len(given[name]) for name in classifiers if given[name].dim()}
    if sizes != {CLASSES}:
        given = {name: tensor for name, tensor in given.items() if name not in classifiers}
    expected = {name: tensor for name, tensor in own.items() if re.match(layout.fills, name) or name in given}
    name = f"{row.model}, or set its backbone ({row.backbone}) and size ({row.size}) to the file's"
    state = _fitted(given, expected, name=name, unknown=unknown)
    model.load_state_dict(own | state)
    other = ", ".join(map(str, sorted(sizes - {CLASSES})))
    left = f"; its classifier of {other} classes is left out" if other else ""
    why = f"; {layout.partly}" if layout.partly else ""
    fresh = {name for name in own if name not in state}
    what = "the classifier" if all("classify." in name for name in fresh) else "the rest"
    return f"{layout.title}{left}{why}" + (f"; {what} of {row.model} is fresh" if fresh else "")


def _fitted(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, name: str, unknown: Sequence[str] = ()
) -> dict[str, Tensor]:
    """The state `expected` out of a file's tensors: every one there, none more, each of its shape or brought to it."""
    remedy = f"give a checkpoint of {name}"
    missing = [key for key in expected if key not in tensors and not key.endswith(COUNTER)]
    others = [repr(key[:60]) for key in (*unknown, *(key for key in tensors if key not in expected))]
    faults = [_listed(names, what) for names, what in ((missing, "missing"), (others, "unknown")) if names]
    if faults:
        raise _UnfitError(f"weights of another network: {'; '.join(faults)}", remedy)
    state = {}
    for key, own in expected.items():
        given = tensors.get(key, own)
        if given.dim() == 4 and own.dim() == 5 and given.shape == (*own.shape[:2], *own.shape[3:]):
            given = inflate_weight(given, own.shape)
        elif given.dim() == 5 and own.dim() == 4 and given.shape[2] == 1:
            given = given.squeeze(2)
        if given.shape != own.shape:
            raise _UnfitError(f"{key} has shape {tuple(given.shape)}, not {tuple(own.shape)}", remedy)
        state[key] = given
    return state


def _listed(names: list[str], what: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more} {'is' if len(names) == 1 else 'are'} {what}"


def _read(path: Path) -> dict[str, Any]:
    """What a file holds, as plain containers and tensors."""
    again = "give a checkpoint (safetensors, or as torch saves it) of timm, a public layout or `soccerbench finetune`"
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
