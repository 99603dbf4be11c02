"""The entries of label and prediction files as columns, each with masks of what is wrong in it.

A lenient reader, a strict one and the check of a submission share them, and differ in what they do with a mask.

Conventions
    fault    anything a strict reader refuses; a lenient one counts it and takes what the official scorer takes
    refused  entries that the official scorer fails on, which both readers refuse
    entry    counted from 1 in messages
    bulk     a column is parsed at once; where that fails, in chunks; only a chunk that fails is parsed value by value
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from reprlib import Repr
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.events import FPS, SPOTTING_FRAMES, Bools, Floats, Ints, cut_to_frames
from soccerbench.soccernet.archive import Tree, count_repeated_keys, parse_json
from soccerbench.soccernet.classes import CLASS_INDEX

LIMIT_MS = 2 * 3600 * 1000
OFFICIAL_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
MISSING = object()
_FARTHEST = 10**12  # numbers are clipped to it, so that they fit 64 bits
_CHUNK = 256
_GAME_TIME = re.compile(r"[0-9] - [0-9]{2,}:[0-9]{2}", re.ASCII)
_PATTERN = np.frombuffer(b"0 - 00:00", np.uint8)
_SPAN = np.array([9 if character == "0" else 0 for character in "0 - 00:00"])
_SECONDS = np.array([0, 0, 0, 0, 600, 60, 0, 10, 1])
_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 40
shown: Callable[[Any], str] = _shorten.repr
Columns = tuple[NDArray[Any], ...]


class Fault(NamedTuple):
    """One kind of fault in the entries of a list.

    Args:
        kind: how a counted warning names it, with what the official scorer makes of it.
        rows: (N,) the entries that have it.
        problem: how an error names it in one entry, counted from 0.
        remedy: what to do about it.
    """

    kind: str
    rows: Bools
    problem: Callable[[int], str]
    remedy: str


class Table:
    """The entries of one list, read column by column.

    Args:
        entries: of the list, whatever they are.
        what: one entry's meaning, for the remedy of one that is no object.

    Attributes:
        faults: found so far.
        refused: (N,) entries that the official scorer fails on, as far as the columns were read.
    """

    def __init__(self, entries: Sequence[Any], what: str) -> None:
        self.entries: Sequence[Any] = entries
        self.faults: list[Fault] = []
        self.refused: Bools = np.zeros(len(entries), np.bool_)
        self._objects: Bools | None = None
        self._what = what

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def faulty(self) -> Bools:
        """(N,) the entries with any fault."""
        return np.logical_or.reduce([fault.rows for fault in self.faults], axis=0) if self.faults else self._none()

    def problems(self, row: int) -> list[str]:
        """All that is wrong with one entry, counted from 0."""
        return [fault.problem(row) for fault in self.faults if fault.rows[row]]

    def add(self, kind: str, rows: Bools, problem: Callable[[int], str], remedy: str) -> None:
        """Note a fault of some entries."""
        rows = rows if self._objects is None else rows & self._objects
        if rows.any():
            self.faults.append(Fault(kind, rows, problem, remedy))

    def values(self, key: str, default: Any = MISSING) -> list[Any]:
        """One key of every entry, `default` where it is not there."""
        try:
            return list(map(itemgetter(key), self.entries))
        except (KeyError, TypeError):
            self._separate_objects()
            return [entry.get(key, default) for entry in self.entries]

    def _separate_objects(self) -> None:
        """Note entries that are no objects, and read them as empty ones from now on."""
        if self._objects is not None or {dict}.issuperset(map(type, self.entries)):
            return
        given, nothing = self.entries, dict[str, Any]()
        self._objects = objects = np.fromiter((isinstance(entry, dict) for entry in given), np.bool_, len(given))
        self.refused |= ~objects
        kind, remedy = "entries that are no objects", f"write one object {self._what}"
        self.faults.append(Fault(kind, ~objects, lambda row: f"{shown(given[row])} is no object", remedy))
        self.entries = [entry if isinstance(entry, dict) else nothing for entry in given]

    def missing(self, key: str, values: list[Any], remedy: str, kind: str = "") -> Bools:
        """(N,) the entries without a key, noted as faulty."""
        rows = _where(values, lambda value: value is MISSING, object)
        self.add(kind or f"entries without a {key}", rows, lambda _: f"key {key!r} is missing", remedy)
        return rows

    def labels(self) -> Ints:
        """(N,) `label` as index into `CLASSES`, -1 for other events."""
        values, remedy = self.values("label"), "name one of the 17 events"
        try:
            return np.fromiter(map(CLASS_INDEX.__getitem__, values), np.int64, len(values))
        except (KeyError, TypeError):
            index = [CLASS_INDEX.get(value, -1) if isinstance(value, str) else -1 for value in values]
        label, missing = np.array(index, np.int64), self.missing("label", values, remedy)
        unknown = (label < 0) & ~missing
        self.add("unknown events, skipped", unknown, about("unknown event {}", values), f"{remedy} exactly")
        self.refused |= missing | _where(values, lambda value: isinstance(value, (dict, list)), dict, list)
        return label

    def halves(self) -> Ints:
        """(N,) `half`, of which only 1 and 2 are scored."""
        values = self.values("half")
        half, whole, readable = parsed(values, whole_column, whole_number)
        if not _all_in(half, 1, 2) or not whole.all():
            missing = self.missing("half", values, "give 1 or 2")
            self._note_halves(values, ~(whole & ((half == 1) | (half == 2))) & ~missing)
            self.refused |= ~readable
        return half

    def clocks(self) -> tuple[Ints, Ints]:
        """(N,) half and (N,) whole second of `gameTime`."""
        values, remedy = self.values("gameTime"), 'give the half and the time in it as "1 - 02:13"'
        half, second, formed, readable = parsed(values, _clock_column, _clock)
        if not _all_in(half, 1, 2) or not formed.all():
            missing = self.missing("gameTime", values, remedy)
            self.add("oddly written gameTimes", ~formed & ~missing, about("gameTime {} is none", values), remedy)
            self._note_halves([str(value)[:1] for value in values], formed & (half != 1) & (half != 2))
            self.refused |= ~readable
        return half, second

    def positions(self, *, optional: bool = False) -> tuple[Ints, Bools]:
        """(N,) `position` in milliseconds, and (N,) which entries have one."""
        values = self.values("position")
        position, whole, readable = parsed(values, whole_column, _position)
        if _all_in(position, 0, LIMIT_MS) and whole.all():
            return position, whole
        remedy = "give milliseconds from the start of the half, 0 to 7200000"
        missing = _where(values, lambda value: value is MISSING, object)
        if not optional:
            self.missing("position", values, "give milliseconds in the half")
        for kind, rows, problem in (
            ("positions that are no whole number, cut to one", ~whole & ~missing, "is no whole number"),
            ("positions before the half, wrapped round to the end of a two-hour vector", whole & (position < 0),
             "is before the half"),
            ("positions beyond two hours, moved to there", whole & (position > LIMIT_MS), "is beyond two hours"),
        ):  # fmt: skip
            self.add(kind, rows, about(f"position {{}} {problem}", values), remedy)
        self.refused |= ~readable & ~missing
        return position, ~missing

    def confidences(self, key: str = "confidence") -> tuple[Floats, Bools, Bools]:
        """(N,) a confidence, NaN for none; (N,) where the official scorer cannot read it; (N,) where it is missing."""
        values, remedy = self.values(key), "give a number from 0 to 1"
        confidence, boolean, readable = parsed(values, _confidence_column, _confidence)
        if ((confidence >= 0) & (confidence <= 1)).all() and not boolean.any():
            return confidence, ~readable, ~readable
        missing = self.missing(key, values, remedy)
        number = ~boolean & ~missing
        for kind, rows, problem in (
            (f"{key}s that are true or false, taken as 1 or 0", boolean, "is no number"),
            (f"{key}s that are no number, never counted", number & np.isnan(confidence), "is no number"),
            (f"{key}s below 0, never counted", number & (confidence < 0), "is below 0"),
            (f"{key}s above 1, above every threshold", number & (confidence > 1), "is above 1"),
        ):
            self.add(kind, rows, about(f"{key} {{}} {problem}", values), remedy)
        return confidence, ~readable, missing

    def _note_halves(self, values: list[Any], rows: Bools) -> None:
        problem = about("half {} is neither 1 nor 2", values)
        self.add("halves other than 1 and 2, skipped", rows, problem, "give 1 or 2")

    def _none(self) -> Bools:
        return np.zeros(len(self), np.bool_)


@dataclass(frozen=True)
class RowFile:
    """One JSON file with a list of entries, being read.

    Args:
        path: names it in errors.
        key: of the list.
        data: the file's text.
        document: the same, parsed.
        entries: of the list, up to the first that is no object, which is refused.
        keys: of the document and its entries, not of objects in them.
        strict: refuse every fault, not only what the official scorer fails on.
        warnings: how many entries have which fault.
    """

    path: Path
    key: str
    data: bytes
    document: Any
    entries: list[Any]
    keys: int
    strict: bool
    warnings: Counter[str]

    @classmethod
    def read(cls, tree: Tree, name: str, key: str, *, strict: bool) -> RowFile:
        """Read and parse a file.

        Raises:
            InputError: it is missing or no JSON, or has no list under `key`.
        """
        path, data = tree.path / name, tree.read(name)
        document = parse_json(data, path, lenient=not strict)
        entries = entries_of(document, key, path, strict=strict)
        try:
            keys = len(document) + sum(map(dict.__len__, entries))
        except TypeError:
            keys = 0
            entries = entries[: next(row for row, entry in enumerate(entries, 1) if not isinstance(entry, dict))]
        return cls(path, key, data, document, entries, keys, strict, Counter())

    def first_bad(self, table: Table) -> int | None:
        """The first entry of a table that cannot be used, counted from 0."""
        bad = table.faulty if self.strict else table.refused
        return int(np.argmax(bad)) if bad.any() else None

    def error(self, table: Table, row: int, place: str = "") -> InputError:
        """Why one entry cannot be used; `place` names it, without it as one of the list."""
        found = [fault for fault in table.faults if fault.rows[row]]
        problem = " and ".join(table.problems(row)) or "cannot be read"
        remedy = found[0].remedy if found else "write it as SoccerNet does"
        return InputError(self.path, f"{place or f'{self.key}, entry {row + 1}'}: {problem}", remedy)

    def count(self, table: Table, rows: int | None = None) -> None:
        """Count the faults of a table, or of its first rows, in the order in which they come."""
        for fault in sorted(table.faults, key=lambda fault: int(np.argmax(fault.rows))):
            count = int(np.count_nonzero(fault.rows[:rows]))
            if count:
                self.warnings[fault.kind] += count

    def check(self, table: Table) -> None:
        """Count a table's faults.

        Raises:
            InputError: the first entry that cannot be used.
        """
        bad = self.first_bad(table)
        if bad is not None:
            raise self.error(table, bad)
        self.count(table)

    def check_repeated_keys(self, *, nested: bool) -> None:
        """Count keys that are written twice in one object, of which the last is read.

        Args:
            nested: whether entries hold objects or lists.

        Raises:
            InputError: such a key, if `strict`.
        """
        keys = count_keys(self.document) if nested else self.keys
        repeated = count_repeated_keys(self.data, self.path, keys=keys)
        if repeated and self.strict:
            raise InputError(self.path, f"{repeated} keys appear twice in one object", "write each key once")
        if repeated:
            self.warnings["keys that appear twice in one object, the last read"] += repeated


def entries_of(document: Any, key: str, path: Path, *, strict: bool) -> list[Any]:
    """The list under `key`.

    Raises:
        InputError: none there; a lenient reader takes any other empty thing for an empty list, as a loop would.
    """
    entries = document.get(key) if isinstance(document, dict) else None
    if not strict and (entries == "" or entries == {}):
        return []
    if not isinstance(entries, list):
        raise InputError(path, f"no list under {key!r}", f'write {{"{key}": [{{…}}, …]}}')
    return entries


def count_keys(value: Any) -> int:
    """How many keys a parsed document holds, at any depth."""
    keys, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            keys += len(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return keys


def numbers(values: list[Any], dtype: type[np.int64 | np.float64]) -> NDArray[Any]:
    """Numbers, or the texts of numbers, parsed together.

    Raises:
        OverflowError, TypeError, ValueError: some are neither, text and numbers are mixed, or they are not whole
            where `dtype` is.
    """
    try:
        found = orjson.loads(f"[{','.join(values)}]")
    except TypeError:  # no texts
        found = values
    kinds = {int} if dtype is np.int64 else {int, float}
    if len(found) != len(values) or not kinds.issuperset(map(type, found)):
        raise ValueError(f"not every value is a {dtype.__name__}")
    return np.fromiter(found, dtype, len(found))


def parsed(values: list[Any], bulk: Callable[[list[Any]], Columns], one: Callable[[Any], tuple[Any, ...]]) -> Columns:
    """A column's values, and what is known of each: as a whole if possible, else in chunks, odd ones one by one."""
    try:
        return bulk(values)
    except OFFICIAL_ERRORS:
        if len(values) <= _CHUNK:
            return tuple(np.array(column) for column in zip(*map(one, values), strict=True))
    chunks = (parsed(values[start : start + _CHUNK], bulk, one) for start in range(0, len(values), _CHUNK))
    return tuple(map(np.concatenate, zip(*chunks, strict=True)))


def whole_column(values: list[Any]) -> Columns:
    """What `whole_number` gives, for a column of whole numbers or of their texts."""
    sure = np.ones(len(values), np.bool_)
    return np.clip(numbers(values, np.int64), -_FARTHEST, _FARTHEST), sure, sure


def whole_number(value: Any) -> tuple[int, bool, bool]:
    """A number cut to a whole one, whether it was one, and whether the official scorer can read it."""
    try:
        number = int(value)
    except OFFICIAL_ERRORS:
        return 0, False, False
    return clip(number), isinstance(value, (int, str)) and not isinstance(value, bool), True


def _position(value: Any) -> tuple[int, bool, bool]:
    """The same for a position, of which the official scorer computes the frame."""
    position, whole, readable = whole_number(value)
    try:
        int(FPS * (int(value) / 1000))
    except OFFICIAL_ERRORS:
        readable = False
    return position, whole, readable


def _confidence_column(values: list[Any]) -> Columns:
    sure = np.ones(len(values), np.bool_)
    return numbers(values, np.float64), ~sure, sure


def _confidence(value: Any) -> tuple[float, bool, bool]:
    """A confidence, whether it is true or false, and whether the official scorer can read it: null is no number."""
    try:
        return (math.nan if value is None else float(value)), isinstance(value, bool), True
    except OFFICIAL_ERRORS:
        return math.nan, False, False


def _clock_column(values: list[Any]) -> Columns:
    offset = np.frombuffer("".join(values).encode("ascii"), np.uint8).reshape(len(values), len(_PATTERN)) - _PATTERN
    if not (offset <= _SPAN).all():
        raise ValueError("not every gameTime is written the same way")
    sure = np.ones(len(values), np.bool_)
    return offset[:, 0].astype(np.int64), offset @ _SECONDS, sure, sure


def _clock(value: Any) -> tuple[int, int, bool, bool]:
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


def about(problem: str, values: list[Any]) -> Callable[[int], str]:
    """The problem of an entry from a text with {} for its value."""
    return lambda row: problem.format(shown(values[row]))


def _all_in(values: Ints, low: int, high: int) -> bool:
    return bool(((values >= low) & (values <= high)).all())


def _where(values: list[Any], holds: Callable[[Any], bool], *types: type) -> Bools:
    """(N,) where a condition holds, which none but values of these types meet."""
    if not set(types) & set(map(type, values)):
        return np.zeros(len(values), np.bool_)
    return np.fromiter(map(holds, values), np.bool_, len(values))
