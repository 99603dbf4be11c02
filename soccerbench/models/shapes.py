"""Heads of which only the shapes matter: no memory is taken and no random number drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


class _Unfilled(TorchFunctionMode):
    """Leaves out `nn.init.normal_`: for a tensor on the device "meta" torch imports its compiler, for 3 s."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        return given.get("tensor", *args[:1]) if func is nn.init.normal_ else func(*args, **given)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Modules that are made inside have their parameters on the device "meta"."""
    with torch.device("meta"), _Unfilled():
        yield
