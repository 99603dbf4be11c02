"""Custom heads and video models: load the class that a row names from its plugin file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn

from soccerbench.errors import InputError, SpecError


def load_class(name: str, plugin: Path | None, *, of: type[nn.Module]) -> type[Any]:
    """Load the class `module:Class` from a plugin file named `module.py`.

    Args:
        name: `module:Class`, as in the row.
        plugin: the file.
        of: the base class it must have.

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
        raise InputError(plugin, f"fails on import ({type(error).__name__}: {error})", "fix the file") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, of)):
        kind = "torch module" if of is nn.Module else of.__name__
        raise SpecError(name, f"{plugin} has no {kind} called {class_name}")
    return found
