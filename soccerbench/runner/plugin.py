"""Heads and video models of one's own: the class that a row names, out of the file that was given with it."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
from torch import nn

from soccerbench.data.classes import CLASSES
from soccerbench.data.errors import InputError
from soccerbench.data.root import Root
from soccerbench.runner.experiment import Experiment
from soccerbench.runner.training import uses_gpu
from soccerbench.specs.base import BaseRow
from soccerbench.specs.errors import SpecError
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.types import Row, SpottingRow


def experiment_of(row: Row, seed: int, *, root: Root, out: Path, plugin: Path | None) -> Experiment:
    """The experiment of a row, with its head where that is one's own, and the file where a row that it needs has one.

    Raises:
        SpecError, InputError: as `load_class`.
    """
    head = None
    if isinstance(row, SpottingRow) and ":" in row.head:
        head = load_class(row.head, plugin, of=nn.Module)
    return Experiment(row, seed, root, out, head, plugin if _reads_plugin(row) else None)


def _reads_plugin(row: BaseRow) -> bool:
    """Whether the head of a row, or of one that it needs, is one's own."""
    needed = row.runs if isinstance(row, GroundingRow) else ()
    return ":" in row.head or any(map(_reads_plugin, needed))


def load_class(name: str, plugin: Path | None, *, of: type[nn.Module]) -> type[Any]:
    """The class `module:Class` out of a plugin file whose name is `module.py`.

    Args:
        name: as the row says it.
        plugin: the file.
        of: what it must be a subclass of.

    Raises:
        SpecError: no plugin given, another module's name, or no such class in it.
        InputError: the file is missing or fails while it is imported.
    """
    module_name, _, class_name = name.partition(":")
    if plugin is None:
        raise SpecError(name, f"give the file that holds it with --plugin {module_name}.py")
    if plugin.stem != module_name:
        raise SpecError(name, f"--plugin is {plugin.name}, but the row says module {module_name}")
    spec = importlib.util.spec_from_file_location(module_name, plugin)
    if spec is None or spec.loader is None or not plugin.is_file():
        raise InputError(plugin, "no such Python file", f"give the file that holds {class_name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise InputError(plugin, f"fails on import ({type(error).__name__}: {error})", "mend the file") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, of)):
        kind = "torch module" if of is nn.Module else of.__name__
        raise SpecError(name, f"{plugin} has no {kind} called {class_name}")
    return found


def try_head(experiment: Experiment, *, device: str) -> None:
    """Make a head of one's own and give it two clips of nothing: what is wrong with it is said before any training.

    Args:
        experiment: one with such a head; nothing is tried of another.
        device: "auto", "cpu" or "cuda", as it will be trained.

    Raises:
        InputError: a head that fails on the clips, or that makes no logits of them that can be trained.
    """
    head, row, plugin = experiment.head, experiment.row, experiment.plugin
    if head is None or plugin is None or not isinstance(row, SpottingRow):
        return
    store = experiment.root.store(row.blocks)
    device = "cuda" if uses_gpu(device) else "cpu"
    clips = torch.zeros(2, row.whole_rows("chunk_s", store.fps), store.width, device=device)  # (B, T, C)
    given = ", ".join([str(store.width), *(f"{key}={value!r}" for key, value in row.architecture.items())])
    try:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = head(store.width, **row.architecture).to(device)(clips)
    except torch.OutOfMemoryError:  # says more of the GPU, now, than of the head
        return
    except Exception as error:  # whatever the user's own code raises
        raise InputError(
            _place(error, plugin),
            f"{row.head}({given}) fails on features {tuple(clips.shape)} ({type(error).__name__}: {error})",
            "mend the file, or `architecture` of the row",
        ) from error
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (len(clips), len(CLASSES) + 1):
        problem = f"{row.head}({given}) makes {shape or type(logits).__name__} of features {tuple(clips.shape)}"
        raise InputError(plugin, problem, f"give logits (B, {len(CLASSES) + 1}): the background, then the classes")
    if not logits.requires_grad:
        problem = f"{row.head}({given}) makes {logits.dtype} that no weight of it can be trained by"
        raise InputError(plugin, problem, "give logits that depend on its parameters")


def _place(error: Exception, file: Path) -> str:
    """The last line of the file on the way to an error; the file alone where none of its lines is."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.resolve()]
    return f"{file}:{lines[-1]}" if lines else str(file)
