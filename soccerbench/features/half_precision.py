"""Half precision: float16 and float32 into each other, and what rounding loses.

torch casts where it is installed, since numpy converts half floats one at a time; the values are the same.

Conventions
    narrowing  rounds to nearest, ties to even; a value above 65504 has no half and is refused
    widening   exact for all finite values and infinities
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 65504.0  # the largest finite half
SMALLEST_NORMAL = 2.0**-14  # below it the spacing no longer shrinks with the value


@dataclass(frozen=True)
class Rounding:
    """What narrowing lost.

    Args:
        relative: the largest |error| / max(|value|, SMALLEST_NORMAL).
        absolute: the largest |error| over all values.
    """

    relative: float = 0.0
    absolute: float = 0.0

    def __or__(self, other: Rounding) -> Rounding:
        return Rounding(max(self.relative, other.relative), max(self.absolute, other.absolute))


def widen(values: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Write floats of any kind into `out` as float32."""
    if values.dtype == np.float16 and (torch := _torch()) is not None:
        torch.from_numpy(out).copy_(torch.from_numpy(values))
    else:
        out[...] = values


def all_finite(values: NDArray[Any]) -> bool:
    """Whether floats of any kind are all finite."""
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    return int((values.view(np.uint16) & 0x7FFF).max(initial=0)) < 0x7C00  # numpy would convert each half first


def narrow(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], Rounding]:
    """Round finite float32 values to half precision, and measure what that loses.

    Args:
        values: of any shape.

    Returns:
        Halves of the same shape, and what was lost.

    Raises:
        ValueError: a value that is not finite or too large for half precision.
    """
    size = np.abs(values)
    largest = float(size.max(initial=0))
    if not np.isfinite(largest):
        raise ValueError("a value is not finite")
    if largest > LARGEST:
        raise ValueError(f"value {largest:.6g} is above {LARGEST:.0f}, the largest of half precision")
    torch = _torch()
    halves = values.astype(np.float16) if torch is None else torch.from_numpy(values).half().numpy()
    error = np.empty_like(values)
    widen(halves, error)
    error -= values
    np.abs(error, out=error)
    absolute = float(error.max(initial=0))
    error /= np.maximum(size, np.float32(SMALLEST_NORMAL), out=size)
    return halves, Rounding(float(error.max(initial=0)), absolute)


@cache
def _torch() -> Any:
    """The torch module; None where it is not installed."""
    return import_module("torch") if find_spec("torch") else None
