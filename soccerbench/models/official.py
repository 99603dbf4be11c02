"""Checkpoints of the official baselines, read safely into the modules here.

Sources: NetVLAD++, sn-spotting Benchmarks/TemporallyAwarePooling; Cmn, sn-grounding.

A checkpoint is a pickle, and a pickle can hold code. Only tensors and plain containers are unpickled here, each weight
is checked by name and shape before a module is built, and nothing of a size that only a header claims is allocated.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from soccerbench.models.cmn import Cmn
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.shapes import shapes_only
from soccerbench.torch_files import DamagedFileError, read_torch_file

MAX_BYTES = 2**30
NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)
REMEDY = "give a NetVLAD++ or Cmn checkpoint as published, downloaded again if need be"


def from_official(path: Path | str) -> nn.Module:
    """Load an official NetVLAD++ or Cmn checkpoint.

    Returns:
        A `NetVLADpp` or `Cmn` on the CPU, float32, in eval mode. NetVLAD++ gives logits where the official model gives
        their sigmoid.
    """
    try:
        weights = _Weights(_state_dict(Path(path)))
        if "pool_layer_before.clusters" in weights.tensors:
            model, state = _netvladpp(weights)
        elif "conv_conf.weight" in weights.tensors:
            model, state = _cmn(weights)
        else:
            raise _UnfitError("the layout is neither that of NetVLAD++ nor that of Cmn")
        weights.check_all_taken()
    except _UnfitError as error:
        raise ValueError(" ".join(f"{path}: {error}; {REMEDY}".split())) from None
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


class _UnfitError(Exception):
    """The file is not a checkpoint of a known layout."""


class _Weights:
    """The tensors of a checkpoint, returned by name after a check of their shape."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            if tensor.layout is not torch.strided or tensor.device.type != "cpu" or not tensor.is_contiguous():
                raise _UnfitError(f"{_shown(name)} claims more numbers than the file holds")
            if tensor.dtype not in NUMBERS or not tensor.isfinite().all():
                raise _UnfitError(f"{_shown(name)} does not hold finite numbers")
        self.tensors = tensors
        self._taken: set[str] = set()

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        shape = tuple(self._get(name).shape)
        if len(shape) != dimensions or 0 in shape:
            raise _UnfitError(f"{name} has shape {shape}, not {dimensions} dimensions")
        return shape

    def take(self, name: str, *shape: int) -> Tensor:
        tensor = self._get(name)
        if tuple(tensor.shape) != shape:
            raise _UnfitError(f"{name} has shape {tuple(tensor.shape)}, {shape} expected from the others")
        self._taken.add(name)
        tensor = tensor.detach()
        return tensor.float() if shape else tensor.long()  # the one scalar counts the batches a norm has seen

    def check_all_taken(self) -> None:
        if unknown := sorted(self.tensors.keys() - self._taken):
            raise _UnfitError(f"unknown weight {_shown(unknown[0])}")

    def _get(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise _UnfitError(f"{name} is missing")
        return self.tensors[name]


def _shown(name: str) -> str:
    """A name from the file, shortened for a message."""
    return repr(name[:60])


def _state_dict(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise _UnfitError("no such file")
    try:
        checkpoint = read_torch_file(path, max_bytes=MAX_BYTES)
    except DamagedFileError as error:
        raise _UnfitError(str(error)) from None
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in state.items()):
        raise _UnfitError("no state_dict of named tensors in it")
    return dict(state)


def _netvladpp(weights: _Weights) -> tuple[nn.Module, dict[str, Tensor]]:
    """Weights are transposed in the official layout, and its pooled vector is (D, K) where ours is (K, D)."""
    projection, clusters = weights.shape("pool_layer_before.clusters", 2)
    outputs, _ = weights.shape("fc.weight", 2)
    state = {}
    for ours, theirs in (("past", "pool_layer_before"), ("future", "pool_layer_after")):
        state[f"{ours}.assign.weight"] = weights.take(f"{theirs}.clusters", projection, clusters).T
        state[f"{ours}.centres"] = weights.take(f"{theirs}.clusters2", 1, projection, clusters)[0].T
    classify = weights.take("fc.weight", outputs, 2 * projection * clusters)
    state["classify.weight"] = classify.reshape(outputs, 2, projection, clusters).mT.reshape(outputs, -1)
    state["classify.bias"] = weights.take("fc.bias", outputs)
    width = projection
    if "feature_extractor.weight" in weights.tensors:
        width = weights.shape("feature_extractor.weight", 2)[1]
    if width != projection:
        state["project.weight"] = weights.take("feature_extractor.weight", projection, width)
        state["project.bias"] = weights.take("feature_extractor.bias", projection)
    with shapes_only():
        model = NetVLADpp(width, clusters=2 * clusters, projection=projection, classes=outputs - 1)
    return model, {name: tensor.contiguous() for name, tensor in state.items()}


def _cmn(weights: _Weights) -> tuple[nn.Module, dict[str, Tensor]]:
    """The official convolutions are two-dimensional, over time and features; ours have the one dimension they use."""
    width = weights.shape("conv_1.weight", 4)[3]
    chunk, field = weights.shape("batch_seg.weight", 1)[0], weights.shape("conv_p_4.weight", 4)[2]
    try:
        with shapes_only():
            model = Cmn(width, chunk_frames=chunk, field_frames=field)
    except ValueError as error:
        raise _UnfitError(str(error)) from None
    names = {"embed.0": "conv_1", "embed.2": "conv_2", "segment": "conv_seg", "norm": "batch_seg"}
    names |= {f"pyramid.{i}": f"conv_p_{i + 1}" for i in range(4)}
    names |= {"spot.0": "conv_spot_1", "spot.1": "conv_spot_2", "predict": "conv_conf"}
    state = {}
    for ours, blank in model.state_dict().items():
        module, _, kind = ours.rpartition(".")
        shape = tuple(blank.shape)
        theirs = {3: (*shape, 1), 2: (*shape, 1, 1)}.get(len(shape), shape)
        if ours == "embed.0.weight":
            theirs = (shape[0], 1, 1, width)
        state[ours] = weights.take(f"{names[module]}.{kind}", *theirs).reshape(shape)
    return model, state
