"""The lists of several files as columns of text, found at once where all entries are written alike.

Conventions
    alike     every entry has the keys of the first in the same order, none twice, with the same text between the
              values, which are text without escapes, or numbers
    opening   the text between a value and the one before it, of the first value with the end of the entry before
    colons    those after a quote give the places of the values; the text of each opening is compared and no other quote
              is there, so that nothing is taken for a list that a parser would refuse
    words     eight bytes, read at any place as one number: comparing and adding up digits takes a few operations each
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.events import Ints

_MOST_BYTES = 2**25
_MOST_KEYS = 32
_LONGEST_NUMBER = 40
_SCALARS = {int, float, bool, type(None)}
_PADDING = b" " * 256
_ODD = np.uint64(0x9E3779B97F4A7C15)
_ZEROS, _SIXES, _HIGH = (np.uint64(byte * 0x0101010101010101) for byte in (0x30, 0x06, 0xF0))
_DIGITS = (  # how many of each part are added up, and where their sums are
    (1, np.uint64(0x00FF00FF00FF00FF)),
    (2, np.uint64(0x0000FFFF0000FFFF)),
    (4, np.uint64(0x00000000FFFFFFFF)),
)
_VALUE = re.compile(rb'"([^"\\]+)"\s*:\s*(?:"([^"\\]*)"|([^\s",:{}\[\]]+))')
_BETWEEN = re.compile(rb"\}(\s*,\s*)\{")


class Form(NamedTuple):
    """How entries are written: their keys, which of them have text, and the openings."""

    keys: tuple[str, ...]
    is_text: tuple[bool, ...]
    openings: tuple[bytes, ...]
    between: bytes


class Body(NamedTuple):
    """A file's entries, from the first brace to the last, and their form."""

    text: bytes
    form: Form


class Column(Sequence[Any]):
    """One key of every entry, as text in the files.

    Attributes:
        data: that text.
        start, length: (N,) of each value, in bytes.
        is_text: whether the values are text, else numbers.
    """

    def __init__(self, data: bytes, start: Ints, length: Ints, *, is_text: bool) -> None:
        self.data, self.start, self.length, self.is_text = data, start, length, is_text

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, row: int | slice) -> Any:
        """A value, or the column of some rows."""
        start, length = self.start[row], self.length[row]
        if isinstance(row, slice):
            return Column(self.data, start, length, is_text=self.is_text)
        text = self.data[int(start) : int(start) + int(length)]
        return text.decode("utf-8") if self.is_text else orjson.loads(text)

    def texts(self, width: int, end: int = 0) -> NDArray[np.uint8]:
        """(N, width) the first bytes of every value, filled up with `end`, as far as there is none."""
        place = np.ndarray((len(self.data) - width + 1,), f"S{width}", self.data, strides=(1,))
        texts: NDArray[np.uint8] = place[self.start].view(np.uint8).reshape(len(self), width)
        shown = np.minimum(self.length, width).astype(np.uint8)
        np.copyto(texts, np.uint8(end), where=np.arange(width, dtype=np.uint8) >= shown[:, None])
        return texts

    def _words(self, start: Ints) -> NDArray[np.uint64]:
        """(N,) the eight bytes from some places on."""
        words = np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))
        found: NDArray[np.uint64] = words[np.minimum(start, len(words) - 1)]
        return found

    def of(self, names: Sequence[str]) -> Ints:
        """(N,) the place of each value among some names, -1 for others."""
        if not self.is_text or not names:
            return np.full(len(self), -1)
        encoded = [name.encode() for name in names]
        count = max(map(len, encoded)) // 8 + 1
        known = np.frombuffer(b"".join(name.ljust(8 * count, b"\0") for name in encoded), "<u8").reshape(-1, count).T
        words = []
        for at in range(0, 8 * count, 8):
            beyond = 8 * (8 - np.clip(self.length - at, 0, 8)).astype(np.uint64)
            words.append(self._words(self.start + at) << beyond >> beyond)
        keys, wanted = (sum(word * _ODD ** np.uint64(at) for at, word in enumerate(one)) for one in (words, known))
        order = np.argsort(wanted)
        place = order[np.minimum(np.searchsorted(wanted[order], keys), len(names) - 1)]
        alike = np.logical_and.reduce([one == other[place] for one, other in zip(words, known, strict=True)])
        return np.where(alike, place, -1)

    def _whole(self) -> Ints | None:
        """The values if they are whole numbers of at most eight digits, without zeros before them."""
        first = np.frombuffer(self.data, np.uint8)[self.start]
        sign = (first == ord("-")).astype(np.int64)
        length = self.length - sign
        if (length == 1).all() and not sign.any():
            digit = first - np.uint8(ord("0"))
            return digit.astype(np.int64) if (digit < 10).all() else None
        if not ((length > 0) & (length <= 8) & ((first != ord("0")) | (length == 1))).all():
            return None
        beyond = 8 * (8 - length).astype(np.uint64)
        word = (self._words(self.start + sign) << beyond) ^ (_ZEROS << beyond)
        if ((word + _SIXES | word) & _HIGH).any():
            return None
        for digits, kept in _DIGITS:
            word = (word * np.uint64(10**digits) + (word >> np.uint64(8 * digits))) & kept
        whole: Ints = word.astype(np.int64) * (1 - 2 * sign)
        return whole

    def numbers(self, dtype: type[np.int64 | np.float64] = np.int64) -> list[Any] | NDArray[Any]:
        """The values as numbers; an array if they are whole, or if `dtype` is that of all.

        Raises:
            ValueError: some are no JSON, or too long for it.
        """
        longest = int(self.length.max(initial=0))
        if longest <= 9 and (whole := self._whole()) is not None:
            return whole
        if longest > _LONGEST_NUMBER:
            raise ValueError(f"a number of {longest} characters")
        texts = self.texts(longest + 1, ord(" "))
        texts[np.arange(len(self) - 1), self.length[:-1]] = ord(",")
        text = texts.tobytes()
        found: list[Any] = orjson.loads(b"[%b]" % text)
        if dtype is np.int64 or any(mark in text for mark in (b"[", b"{", b"u", b"a")):  # lists, true, false, null
            return found
        return np.fromiter(found, dtype, len(found))

    def are_numbers(self) -> bool:
        """Whether each value is a JSON number, true, false or null by itself."""
        try:
            found = self.numbers()
        except ValueError:
            return False
        return isinstance(found, np.ndarray) or (len(found) == len(self) and _SCALARS.issuperset(map(type, found)))


class UniformEntries(NamedTuple):
    """The entries of several files, all written alike.

    Args:
        columns: by key.
        bounds: (F + 1,) the first entry of each file.
    """

    columns: Mapping[str, Column]
    bounds: Ints


def body_of(data: bytes, key: str) -> Body | None:
    """The entries of a file.

    Args:
        data: the whole file.
        key: of the list of entries.

    Returns:
        None where they seem not to be written alike, or the rest of the file is no JSON or has a key twice.
    """
    start = data.find(b"{", data.find(b'"%b"' % key.encode()))
    stop = data.rfind(b"}", 0, data.rfind(b"]")) + 1
    if not 0 < start < stop or b"\\" in data or len(data) > _MOST_BYTES:
        return None
    with suppress(ValueError, RecursionError):
        if not data.isascii():
            data.decode("utf-8")
        rest = data[:start] + data[stop:]
        orjson.loads(rest)
        file = json.loads(rest.decode(), object_pairs_hook=_once)
        if isinstance(file, dict) and file.get(key) == [] and (form := _form(data[start:stop])):
            return Body(data[start:stop], form)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _form(text: bytes) -> Form | None:
    """The form of the first entry."""
    first = text[: text.find(b"}") + 1]
    values = list(_VALUE.finditer(first))
    keys = tuple(value[1].decode() for value in values)
    if not 0 < len(keys) <= _MOST_KEYS or len(set(keys)) < len(keys) or not isinstance(orjson.loads(first), dict):
        return None
    ends = [value.span(2 if value[2] is not None else 3) for value in values]
    between = _BETWEEN.match(text, len(first) - 1)
    separator = between[1] if between else b", "
    openings = [first[stop:start] for (_, stop), (start, _) in zip([(0, 0), *ends], ends, strict=False)]
    openings[0] = first[ends[-1][1] :] + separator + openings[0]
    return Form(keys, tuple(value[2] is not None for value in values), tuple(openings), separator)


def _controls(text: bytes) -> int:
    return sum(byte < ord(" ") for byte in text)


def uniform_entries(bodies: Sequence[Body]) -> UniformEntries | None:
    """The entries of files of one form; None if some entry is not written as the first is."""
    form = bodies[0].form
    openings, between = form.openings, form.between
    first = openings[0].index(between + b"{") + len(between)  # where an entry begins in its opening
    offsets = np.cumsum([first, *(len(body.text) + len(between) for body in bodies)])
    ends = openings[0][: first - len(between)], openings[0][first:] + _PADDING
    text = between.join([ends[0], *(body.text for body in bodies), ends[1]])
    data = np.frombuffer(text, np.uint8)[: -len(_PADDING)]
    quote = data == ord('"')
    colons = np.flatnonzero((data[1:] == ord(":")) & quote[:-1])  # the quote before each
    keys, all_openings = len(openings), b"".join(openings)
    rows, odd = divmod(len(colons) - 1, keys)
    quotes, controls = np.count_nonzero(quote), np.count_nonzero(data < ord(" "))
    if odd or rows < 1 or any(opening.count(b'":') != 1 for opening in openings):
        return None
    if quotes != rows * all_openings.count(b'"') + openings[0].count(b'"'):
        return None
    if controls != rows * _controls(all_openings) + _controls(openings[0]):
        return None
    starts = [colons[place::keys] + len(opening) - opening.find(b'":') for place, opening in enumerate(openings)]
    columns = {}
    following = zip((*starts[1:], starts[0][1:]), (*openings[1:], openings[0]), strict=True)
    for key, is_text, opening, start, (after, its_opening) in zip(*form[:3], starts, following, strict=True):
        found = np.ndarray((len(text) - len(opening) + 1,), f"S{len(opening)}", text, strides=(1,))
        if found[start - len(opening)].tobytes() != opening * len(start):
            return None
        column = Column(text, start[:rows], after - len(its_opening) - start[:rows], is_text=is_text)
        if (column.length < 0).any() or not (column.is_text or column.are_numbers()):
            return None
        columns[key] = column
    begin = starts[0] - len(openings[0]) + first
    bounds = np.searchsorted(begin, offsets)
    if not np.array_equal(begin[bounds], offsets):
        return None
    return UniformEntries(columns, bounds)
