"""Heads and video models of one's own: the class that a row names, out of the file that was given with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn

from soccerbench.data.errors import InputError
from soccerbench.data.root import Root
from soccerbench.runner.experiment import Experiment
from soccerbench.specs.base import BaseRow
from soccerbench.specs.errors import SpecError
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.types import Row


def experiment_of(row: Row, seed: int, *, root: Root, out: Path, plugin: Path | None) -> Experiment:
    """The experiment of a row, with its head where that is one's own, and the file where a row that it needs has one.

    Raises:
        SpecError, InputError: as `load_class`.
    """
    head = load_class(row.head, plugin, of=nn.Module) if ":" in row.head else None
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
