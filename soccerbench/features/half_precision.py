"""Half precision: features in 16 bits, converted exactly and at the speed of memory.

numpy converts half floats one at a time. Moving the bits of an array into float32, exponent and fraction shifted to
their places, and scaling by 2^112, the difference of the exponents' offsets, gives the same values several times as
fast.

Narrowing adds 2^(e + 13) to a value of exponent e. The last bit of the sum weighs as much as that of the half, so the
processor rounds, and the last bits of the sum count the steps of the half in the value: with the exponent they are its
bits. Taking the power away again leaves its value. Below the smallest normal half e stays, as the half's own does.

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
_LARGEST_BITS = np.float32(LARGEST).view(np.uint32)
_POWER = np.uint32((13 << 23) + 0x800)  # from 2^e; 0x800 turns the exponent, modulo 64, into that of the half
_HALF_VALUE, _HALF_INFINITE, _HALF_SIGN = np.uint16(0x7FFF), 0x7C00, np.uint32(0x8000)
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


class Narrower:
    """Rounds float32 values to half precision, piece by piece, in memory of its own.

    Arrays that are asked for anew for each piece cost more than all that is done with them.
    """

    def __init__(self) -> None:
        self._floats = np.empty((5, 0), np.float32)
        self._smallest = np.empty(0, np.float32)
        self._halves = np.empty(0, np.uint16)

    def __call__(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float16], Rounding]:
        """Round finite values, and measure what that loses.

        Args:
            values: of any shape, contiguous.

        Returns:
            Halves of the same shape, overwritten by the next call, and what was lost.

        Raises:
            ValueError: a value that is not finite or too large for half precision.
        """
        bits = values.reshape(-1).view(np.uint32)
        self._make_room(len(bits))
        floats, halves = self._floats[:, : len(bits)], self._halves[: len(bits)]
        size, scale, power, total, error = floats
        size_bits, scale_bits, power_bits, total_bits, _ = floats.view(np.uint32)

        np.bitwise_and(bits, _VALUE, out=size_bits)
        _check(size_bits.max(initial=0))
        np.maximum(size, self._smallest[: len(bits)], out=scale)
        np.bitwise_and(scale_bits, _INFINITE, out=power_bits)
        power_bits += _POWER
        np.add(size, power, out=total)
        np.subtract(total, power, out=error)
        error -= size
        absolute = _largest(error)
        error /= scale
        relative = _largest(error)

        power_bits >>= 13  # the exponent, to where a half has it
        total_bits += power_bits
        np.right_shift(bits, 16, out=size_bits)
        size_bits &= _HALF_SIGN
        total_bits |= size_bits
        np.copyto(halves, total_bits, casting="unsafe")
        return halves.view(np.float16).reshape(values.shape), Rounding(relative, absolute)

    def _make_room(self, count: int) -> None:
        if count > len(self._halves):
            self._floats = np.empty((len(self._floats), count), np.float32)
            self._smallest = np.full(count, SMALLEST_NORMAL, np.float32)  # numpy is slow to compare with one number
            self._halves = np.empty(count, np.uint16)


def _check(largest: np.uint32) -> None:
    """Refuse the largest of some values, given by its bits, if it is not finite or no half."""
    if largest >= _INFINITE:
        raise ValueError("a value is not finite")
    if largest > _LARGEST_BITS:
        value = float(largest.view(np.float32))
        raise ValueError(f"value {value:.6g} is above {LARGEST:.0f}, the largest of half precision")


def _largest(error: NDArray[np.float32]) -> float:
    return max(float(error.max(initial=0)), -float(error.min(initial=0)))
