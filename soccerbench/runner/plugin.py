"""Heads of one's own: the class that a row names, out of the file that was given with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from torch import nn

from soccerbench.data.errors import InputError
from soccerbench.data.root import Root
from soccerbench.runner.experiment import Experiment
from soccerbench.specs.errors import SpecError
from soccerbench.specs.types import Row


def experiment_of(row: Row, seed: int, *, root: Root, out: Path, plugin: Path | None) -> Experiment:
    """The experiment of a row, with its head where that is one's own.

    Raises:
        SpecError, InputError: as `load_head`.
    """
    head = load_head(row.head, plugin) if ":" in row.head else None
    return Experiment(row, seed, root, out, head, plugin if head else None)


def load_head(name: str, plugin: Path | None) -> type[nn.Module]:
    """The class `module:Class` out of a plugin file whose name is `module.py`.

    Raises:
        SpecError: no plugin given, another module's name, or no such class in it.
        InputError: the file is missing or fails while it is imported.
    """
    module_name, _, class_name = name.partition(":")
    if plugin is None:
        raise SpecError(f"head {name}", f"give the file that holds it with --plugin {module_name}.py")
    if plugin.stem != module_name:
        raise SpecError(f"head {name}", f"--plugin is {plugin.name}, but the head says module {module_name}")
    spec = importlib.util.spec_from_file_location(module_name, plugin)
    if spec is None or spec.loader is None or not plugin.is_file():
        raise InputError(plugin, "no such Python file", "give the file that holds the head")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise InputError(plugin, f"fails on import ({type(error).__name__}: {error})", "mend the file") from error
    head = getattr(module, class_name, None)
    if not (isinstance(head, type) and issubclass(head, nn.Module)):
        raise SpecError(f"head {name}", f"{plugin} has no torch module called {class_name}")
    return head
