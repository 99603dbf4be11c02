"""Half precision: features in 16 bits, converted exactly and at the speed of memory.

numpy converts half floats one at a time. Moving the bits of an array into float32, exponent and fraction shifted to
their places, and scaling by 2^112, the difference of the exponents' offsets, gives the same values several times as
fast.

Conventions
    narrowing  rounds to nearest, ties to even; a value above 65504 has no half and is refused
    widening   exact for all 65536 bit patterns, infinities and NaN included
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 65504.0  # the largest finite half
SMALLEST_NORMAL = 2.0**-14  # below it the spacing no longer shrinks with the value
_SCALE = np.float32(2.0**112)
_SIGN_AND_VALUE = np.uint32(0x8FFFE000).view(np.int32)  # clears the copies of the sign that the shift leaves


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
    """Write floats of any kind into `out` as float32; half floats the fast way."""
    if values.dtype != np.float16:
        out[...] = values
        return
    bits = out.view(np.int32)
    bits[...] = values.view(np.int16)
    bits <<= 13
    bits &= _SIGN_AND_VALUE
    out *= _SCALE
    if out.size and max(out.max(), -out.min()) > LARGEST:  # infinities and NaN came out as 65536 and more
        out[...] = values


def narrow(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], Rounding]:
    """Round finite float32 values to half precision, and measure what that loses.

    Raises:
        ValueError: a value too large for half precision.
    """
    largest = max(float(values.max(initial=0)), -float(values.min(initial=0)))
    if largest > LARGEST:
        raise ValueError(f"value {largest:.6g} is above {LARGEST:.0f}, the largest of half precision")
    halves = values.astype(np.float16)
    error = np.empty_like(values)
    widen(halves, error)
    error -= values
    np.abs(error, out=error)
    absolute = float(error.max(initial=0))
    size = np.abs(values)
    np.maximum(size, np.float32(SMALLEST_NORMAL), out=size)
    error /= size
    return halves, Rounding(float(error.max(initial=0)), absolute)
