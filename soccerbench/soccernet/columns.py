"""The entries of a file as columns, without an object for each; and a column as an array, parsed at once.

Conventions
    typed     a file in the usual form: plain text, the keys of its first entry, none twice; its values may be anything
    bulk      a column is parsed at once; where that fails, in chunks; only a chunk that fails is parsed value by value
    readable  the official scorer can read the value
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.events import FPS, SPOTTING_FRAMES, Bools, Ints, cut_to_frames
from soccerbench.soccernet.archive import GAME_KEYS, closes_keys
from soccerbench.soccernet.lists.uniform import Column

if TYPE_CHECKING:
    import msgspec

OFFICIAL_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
_MOST_KEYS = 32
_FARTHEST = 10**12  # numbers are clipped to it, so that they fit 64 bits
_CHUNK = 256
_GAME_TIME = re.compile(r"[0-9] - [0-9]{2,}:[0-9]{2}", re.ASCII)
_PATTERN = np.frombuffer(b"0 - 00:00", np.uint8)
_SPAN = np.array([9 if character == "0" else 0 for character in "0 - 00:00"])
_SECONDS = np.array([0, 0, 0, 0, 600, 60, 0, 10, 1])
MISSING = object()
Columns = tuple[NDArray[Any], ...]


class TypedEntries:
    """The entries of a file in the usual form.

    Args:
        entries: with a field for each key.
        getters: key -> what gets its value from an entry.
    """

    def __init__(self, entries: list[Any], getters: Mapping[str, attrgetter[Any]]) -> None:
        self._entries, self._getters = entries, getters

    def __len__(self) -> int:
        return len(self._entries)

    def values(self, key: str, default: Any) -> list[Any]:
        """One key of every entry, `default` where it is not there."""
        if key not in self._getters:
            return [default] * len(self)
        values = list(map(self._getters[key], self._entries))
        return values if default is MISSING else [default if value is MISSING else value for value in values]


def typed_entries(data: bytes, key: str, labels: tuple[str, ...]) -> TypedEntries | None:
    """The entries of a file.

    Args:
        data: the whole file.
        key: of the list of entries.
        labels: that are usual; none if any are.

    Returns:
        None if the file is not in the usual form, or no JSON, and has to be read entry by entry.
    """
    import msgspec

    start = data.find(b"{", data.find(f'"{key}"'.encode()))
    missing = 0
    try:
        first = orjson.loads(data[start : data.find(b"}", start) + 1])
        if b"\\" in data or not isinstance(first, dict) or not 0 < len(first) <= _MOST_KEYS:
            return None
        if not data.isascii():
            data.decode("utf-8")
        try:
            file = _decoder(key, tuple(first), labels, usual=True).decode(data)
        except msgspec.ValidationError:  # some value is odd, or missing
            file = _decoder(key, tuple(first), labels, usual=False).decode(data)
            missing = -1
    except (ValueError, RecursionError):  # of orjson and of msgspec, too
        return None
    found = TypedEntries(file.entries, {name: attrgetter(f"f{number}") for number, name in enumerate(first)})
    if missing:
        missing = sum(value is MISSING for name in first for value in found.values(name, MISSING))
    named = sum(getattr(file, f"game{number}") is not MISSING for number in range(len(GAME_KEYS)))
    return found if closes_keys(data, 1 + named + len(first) * len(found) - missing) else None


@lru_cache(maxsize=64)
def _decoder(key: str, names: tuple[str, ...], labels: tuple[str, ...], *, usual: bool) -> msgspec.json.Decoder[Any]:
    """A decoder for files whose entries have these keys: all of them, with usual values, or any.

    A text is never read as a whole number, since msgspec takes "1.0" for one, which Python does not.
    """
    import msgspec

    fields = {f"f{number}": name for number, name in enumerate(names)}
    types: dict[str, Any] = {"half": Literal["1", "2"], "confidence": float}
    types |= {"label": Literal[labels]} if labels else {}
    entry = msgspec.defstruct(
        "Entry",
        [(field, types.get(name, Any)) if usual else (field, Any, MISSING) for field, name in fields.items()],
        rename=fields,
        gc=False,
    )
    games = {f"game{number}": name for number, name in enumerate(GAME_KEYS)}
    file = msgspec.defstruct(
        "File", [("entries", list[entry]), *((field, Any, MISSING) for field in games)],  # type: ignore[valid-type]
        rename=games | {"entries": key},
    )  # fmt: skip
    return msgspec.json.Decoder(file, strict=False)


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
    return clip(number), whole and not isinstance(value, bool), True


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
        if not (values.lengths == len(_PATTERN)).all() or not values.is_text:
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


def clip(number: int) -> int:
    """A whole number within what 64 bits hold with ease."""
    return max(-_FARTHEST, min(number, _FARTHEST))


def before_vectors(position_ms: Ints) -> Bools:
    """(N,) the positions so far before the half that the official scorer's vector does not wrap to them."""
    return cut_to_frames(position_ms / 1000) < -SPOTTING_FRAMES
