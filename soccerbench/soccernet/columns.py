"""A column of the entries of a file as an array, parsed at once.

Conventions
    bulk      a column is parsed at once; where that fails, in chunks; only a chunk that fails is parsed value by value
    readable  the official scorer can read the value
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.events import FPS, SPOTTING_FRAMES, Bools, Ints, cut_to_frames
from soccerbench.soccernet.lists.uniform import Column

OFFICIAL_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
_FARTHEST = 10**12  # numbers are clipped to it, so that they fit 64 bits
_CHUNK = 256
_GAME_TIME = re.compile(r"[0-9] - [0-9]{2,}:[0-9]{2}", re.ASCII)
_PATTERN = np.frombuffer(b"0 - 00:00", np.uint8)
_SPAN = np.array([9 if character == "0" else 0 for character in "0 - 00:00"])
_SECONDS = np.array([0, 0, 0, 0, 600, 60, 0, 10, 1])
MISSING = object()
Columns = tuple[NDArray[Any], ...]


def numbers(values: Sequence[Any], dtype: type[np.int64 | np.float64]) -> NDArray[Any]:
    """Numbers, or the texts of numbers, parsed together.

    Raises:
        OverflowError, TypeError, ValueError: some are neither, text and numbers are mixed, or they are not whole
            where `dtype` is; 1.0 is whole, its text is not.
    """
    found: Any = values
    if isinstance(values, Column):
        found, is_text = values.numbers(dtype), values.is_text
        if isinstance(found, np.ndarray) and len(found) == len(values):
            return found.astype(dtype, copy=False)
    else:
        try:
            found, is_text = orjson.loads(f"[{','.join(values)}]"), True
        except TypeError:
            is_text = False
    if not is_text and dtype is np.int64 and float in set(map(type, found)):
        found = [int(value) if type(value) is float and value.is_integer() else value for value in found]
    kinds = {int} if dtype is np.int64 else {int, float}
    if len(found) != len(values) or not kinds.issuperset(map(type, found)):
        raise ValueError(f"not every value is a {dtype.__name__}")
    return np.fromiter(found, dtype, len(found))


def parsed(
    values: Sequence[Any], bulk: Callable[[Sequence[Any]], Columns], one: Callable[[Any], tuple[Any, ...]]
) -> Columns:
    """A column's values, and what is known of each: as a whole if possible, else in chunks, odd ones one by one."""
    try:
        return bulk(values)
    except OFFICIAL_ERRORS:
        if len(values) <= _CHUNK:
            return tuple(np.array(column) for column in zip(*map(one, values), strict=True))
    chunks = (parsed(values[start : start + _CHUNK], bulk, one) for start in range(0, len(values), _CHUNK))
    return tuple(map(np.concatenate, zip(*chunks, strict=True)))


def whole_column(values: Sequence[Any]) -> Columns:
    """What `whole_number` gives, for a column of whole numbers or of their texts."""
    sure = np.ones(len(values), np.bool_)
    return np.clip(numbers(values, np.int64), -_FARTHEST, _FARTHEST), sure, sure


def whole_number(value: Any) -> tuple[int, bool, bool]:
    """A number cut to a whole one, whether it was one, and whether the official scorer can read it."""
    try:
        number = int(value)
    except OFFICIAL_ERRORS:
        return 0, False, False
    whole = value.is_integer() if isinstance(value, float) else isinstance(value, (int, str))
    number = max(-_FARTHEST, min(number, _FARTHEST))
    return number, whole and not isinstance(value, bool), True


def position_of(value: Any) -> tuple[int, bool, bool]:
    """The same for a position, of which the official scorer computes the frame."""
    position, whole, readable = whole_number(value)
    try:
        int(FPS * (int(value) / 1000))
    except OFFICIAL_ERRORS:
        readable = False
    return position, whole, readable


def confidence_column(values: Sequence[Any]) -> Columns:
    """What `confidence_of` gives, for a column of numbers or of their texts."""
    sure = np.ones(len(values), np.bool_)
    return numbers(values, np.float64), ~sure, sure


def confidence_of(value: Any) -> tuple[float, bool, bool]:
    """A confidence, whether it is true or false, and whether the official scorer can read it: null is no number."""
    try:
        return (math.nan if value is None else float(value)), isinstance(value, bool), True
    except OFFICIAL_ERRORS:
        return math.nan, False, False


def clock_column(values: Sequence[Any]) -> Columns:
    """What `clock_of` gives, for a column of gameTimes such as "1 - 02:13"."""
    if isinstance(values, Column):
        if not (values.length == len(_PATTERN)).all() or not values.is_text:
            raise ValueError("not every gameTime is as long")
        characters = values.texts(len(_PATTERN))
    else:
        characters = np.frombuffer("".join(values).encode("ascii"), np.uint8).reshape(len(values), len(_PATTERN))
    offset = characters - _PATTERN
    if not (offset <= _SPAN).all():
        raise ValueError("not every gameTime is written the same way")
    sure = np.ones(len(values), np.bool_)
    return offset[:, 0].astype(np.int64), offset @ _SECONDS, sure, sure


def clock_of(value: Any) -> tuple[int, int, bool, bool]:
    """Half and second as the official scorer cuts them out, whether they are well written, and readable at all."""
    try:
        half, second = int(value[0]), 60 * int(value[-5:-3]) + int(value[-2:])
    except OFFICIAL_ERRORS:
        return 0, 0, False, False
    return half, second, isinstance(value, str) and _GAME_TIME.fullmatch(value) is not None, True


def repeated(places: Ints) -> Bools:
    """(N,) which of some numbers are there earlier too."""
    again = np.ones(len(places), np.bool_)
    again[np.unique(places, return_index=True)[1]] = False
    return again


def before_vectors(position_ms: Ints) -> Bools:
    """(N,) the positions so far before the half that the official scorer's vector does not wrap to them."""
    return cut_to_frames(position_ms / 1000) < -SPOTTING_FRAMES
