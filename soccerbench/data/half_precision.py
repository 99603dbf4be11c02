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
_VALUE, _INFINITE = np.uint32(0x7FFFFFFF), np.uint32(0x7F800000)
_LARGEST_BITS, _NORMAL_BITS, _HALF_BITS = np.array([LARGEST, SMALLEST_NORMAL, 0.5], np.float32).view(np.uint32)
_ROUND = np.uint32(2**32 + 0xFFF - (112 << 23))  # modulo 2^32: up to the next half, and the exponent's new offset
_HALF_VALUE, _HALF_INFINITE = np.uint16(0x7FFF), 0x7C00
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


def all_finite(values: NDArray[Any]) -> bool:
    """Whether floats of any kind hold neither infinities nor NaN; half floats are looked at the fast way."""
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    return int((values.view(np.uint16) & _HALF_VALUE).max(initial=0)) < _HALF_INFINITE


def narrow(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], Rounding]:
    """Round finite float32 values to half precision, and measure what that loses.

    Raises:
        ValueError: a value that is not finite or too large for half precision.
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    size = bits & _VALUE
    largest = size.max(initial=0)
    if largest >= _INFINITE:
        raise ValueError("a value is not finite")
    if largest > _LARGEST_BITS:
        value = float(np.uint32(largest).view(np.float32))
        raise ValueError(f"value {value:.6g} is above {LARGEST:.0f}, the largest of half precision")
    halves = (_rounded(size) | ((bits >> 16) & 0x8000)).astype(np.uint16).view(np.float16)
    error = np.empty_like(values)
    widen(halves, error)
    error -= values
    np.abs(error, out=error)
    absolute = float(error.max(initial=0))
    error /= np.maximum(size.view(np.float32), np.float32(SMALLEST_NORMAL))
    return halves, Rounding(float(error.max(initial=0)), absolute)


def _rounded(size: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Bits of the halves nearest to floats without a sign, given by their bits."""
    normal: NDArray[np.uint32] = size >> np.uint32(13)
    normal &= 1
    normal += size
    normal += _ROUND  # with the last bit that is kept, which decides a tie
    normal >>= 13
    if size.min(initial=_LARGEST_BITS) >= _NORMAL_BITS:
        return normal
    small = size.view(np.float32) + np.float32(0.5)  # its spacing there is that of the halves below the normal ones
    chosen: NDArray[np.uint32] = np.where(size < _NORMAL_BITS, small.view(np.uint32) - _HALF_BITS, normal)
    return chosen
