"""Commands that read plain values themselves, without pydantic, whose import takes longer than `list`.

Newer versions of Typer read every value with pydantic, defaults too. Values that are right as they are, are read here;
all others, and so all that get a message, are left to Typer. Older versions never look at what is set here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typer.core import TyperCommand, TyperGroup

_WHOLE = re.compile(r"-?[0-9]{1,15}")


class _Reader:
    """Reads the plain values of one parameter; everything else is left to Typer's own reader."""

    def __init__(self, param: Any) -> None:
        self._param = param

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own(), name)

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of a parameter as its function takes it."""
        try:
            return _plain(value, param)
        except (ValueError, AttributeError):  # of another version
            return self._own().coerce(value, param=param, ctx=ctx)

    def _own(self) -> Any:
        vars(self._param)["_runtime_param"] = None  # Typer then makes it
        return self._param.get_runtime_param()


def _plain(value: Any, param: Any) -> Any:
    """A text, a number, a path or one of a few words.

    Raises:
        ValueError: anything else, or something that seems wrong.
    """
    kind, limits = param.type_descriptor.annotation, param.type_descriptor.parameter_info
    several = param.multiple or param.nargs != 1
    if value is None and not several:
        return None
    if get_origin(kind) is Literal and not several and value in get_args(kind):
        return value
    if several or not isinstance(kind, type):
        raise ValueError("no single value")
    if kind is Path and (os.access(value, os.R_OK) or not os.path.lexists(value)):
        return Path(value)
    if kind is int and isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    least, most = (value if limit is None else limit for limit in (limits.min, limits.max))
    if type(value) is kind and least <= value <= most:
        return value
    raise ValueError("not plain")


class _Reading:
    """A command or a group whose parameters read plain values."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, that of help too."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in found:
            if hasattr(param, "get_runtime_param"):
                vars(param)["_runtime_param"] = _Reader(param)
        return found


class Command(_Reading, TyperCommand):
    """A command."""


class Group(_Reading, TyperGroup):
    """A group of commands."""
