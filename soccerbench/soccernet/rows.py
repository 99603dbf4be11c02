"""The entries of label and prediction files as columns, each with masks of what is wrong in it.

A lenient reader, a strict one and the check of a submission share them, and differ in what they do with a mask.

Conventions
    fault    anything a strict reader refuses; a lenient one counts it and takes what the official scorer takes
    refused  entries that the official scorer fails on, which both readers refuse
    entry    counted from 1 in messages
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from reprlib import Repr
from typing import Any, NamedTuple

import numpy as np

from soccerbench.errors import did_you_mean
from soccerbench.events import Bools, Floats, Ints
from soccerbench.soccernet.classes import SOCCERNET_V2, ClassList
from soccerbench.soccernet.columns import (
    MISSING,
    clock_column,
    clock_of,
    confidence_column,
    confidence_of,
    parsed,
    position_of,
    whole_column,
    whole_number,
)
from soccerbench.soccernet.lists.uniform import Column, UniformEntries

LIMIT_MS = 2 * 3600 * 1000
UNKNOWN = "unknown events, skipped"
_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 40
shown: Callable[[Any], str] = _shorten.repr


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
        unknown: events that are none of the classes, counted by name.
    """

    def __init__(self, entries: Sequence[Any] | UniformEntries, what: str) -> None:
        self._uniform = entries.columns if isinstance(entries, UniformEntries) else None
        self.entries: Sequence[Any] = () if isinstance(entries, UniformEntries) else entries
        self._length = int(entries.bounds[-1]) if isinstance(entries, UniformEntries) else len(entries)
        self.faults: list[Fault] = []
        self.refused: Bools = np.zeros(self._length, np.bool_)
        self.unknown: Counter[str] = Counter()
        self._objects: Bools | None = None
        if not {dict}.issuperset(map(type, given := self.entries)):
            self._objects = np.fromiter((isinstance(entry, dict) for entry in given), np.bool_, len(given))
            self.refused |= ~self._objects
            kind, remedy = "entries that are no objects", f"write one object {what}"
            self.faults.append(Fault(kind, ~self._objects, about("{} is no object", given), remedy))
            nothing: dict[str, Any] = {}  # one for all: there may be millions
            self.entries = [entry if isinstance(entry, dict) else nothing for entry in given]

    def __len__(self) -> int:
        return self._length

    @property
    def faulty(self) -> Bools:
        """(N,) the entries with any fault."""
        rows = [np.zeros(len(self), np.bool_), *(fault.rows for fault in self.faults)]
        return np.asarray(np.logical_or.reduce(rows, axis=0))

    def problems(self, row: int) -> list[str]:
        """All that is wrong with one entry, counted from 0."""
        return [fault.problem(row) for fault in self.faults if fault.rows[row]]

    def add(self, kind: str, rows: Bools, problem: Callable[[int], str], remedy: str) -> None:
        """Note a fault of some entries."""
        rows = rows if self._objects is None else rows & self._objects
        if rows.any():
            self.faults.append(Fault(kind, rows, problem, remedy))

    def values(self, key: str, default: Any = MISSING) -> Sequence[Any]:
        """One key of every entry, `default` where it is not there."""
        if self._uniform is not None:
            return self._uniform.get(key) or [default] * len(self)
        try:
            return list(map(itemgetter(key), self.entries))
        except KeyError:
            return [entry.get(key, default) for entry in self.entries]

    def missing(self, key: str, values: Sequence[Any], remedy: str, kind: str = "") -> Bools:
        """(N,) the entries without a key, noted as faulty."""
        rows = _where(values, lambda value: value is MISSING, object)
        self.add(kind or f"entries without a {key}", rows, lambda _: f"key {key!r} is missing", remedy)
        return rows

    def labels(self, classes: ClassList = SOCCERNET_V2, *, within: bool = False) -> Ints:
        """(N,) `label` as the number of its class, -1 for other events; `within` longer texts too."""
        values, remedy = self.values("label"), f"name {classes.shown}"
        label = self.places(values, classes.names)
        if within:
            label = np.where(label < 0, np.fromiter(map(classes.within, values), np.int64, len(values)), label)
        if (label >= 0).all():
            return label
        missing = self.missing("label", values, remedy)
        unknown = (label < 0) & ~missing
        self.unknown.update(shown(values[row]) for row in np.flatnonzero(unknown).tolist())
        self.add(
            UNKNOWN,
            unknown,
            lambda row: f"unknown event {shown(values[row])}{did_you_mean(values[row], classes.names)}",
            f"{remedy} exactly",
        )
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
        half, second, formed, readable = parsed(values, clock_column, clock_of)
        if not _all_in(half, 1, 2) or not formed.all():
            missing = self.missing("gameTime", values, remedy)
            self.add("oddly written gameTimes", ~formed & ~missing, about("gameTime {} is none", values), remedy)
            self._note_halves([str(value)[:1] for value in values], formed & (half != 1) & (half != 2))
            self.refused |= ~readable
        return half, second

    def positions(self, *, optional: bool = False) -> tuple[Ints, Bools]:
        """(N,) `position` in milliseconds, and (N,) which entries have one."""
        values = self.values("position")
        position, whole, readable = parsed(values, whole_column, position_of)
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
        confidence, boolean, readable = parsed(values, confidence_column, confidence_of)
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

    @staticmethod
    def places(values: Sequence[Any], names: Sequence[str]) -> Ints:
        """(N,) the place of each value among some names, -1 for others."""
        if isinstance(values, Column):
            return values.of(names)
        index = {name: place for place, name in enumerate(names)}
        try:
            return np.fromiter(map(index.__getitem__, values), np.int64, len(values))
        except (KeyError, TypeError):
            return np.array([index.get(value, -1) if isinstance(value, str) else -1 for value in values], np.int64)

    def _note_halves(self, values: Sequence[Any], rows: Bools) -> None:
        problem = about("half {} is neither 1 nor 2", values)
        self.add("halves other than 1 and 2, skipped", rows, problem, "give 1 or 2")


def about(problem: str, values: Sequence[Any]) -> Callable[[int], str]:
    """The problem of an entry from a text with {} for its value."""
    return lambda row: problem.format(shown(values[row]))


def _all_in(values: Ints, low: int, high: int) -> bool:
    return bool(((values >= low) & (values <= high)).all())


def _where(values: Sequence[Any], holds: Callable[[Any], bool], *types: type) -> Bools:
    """(N,) where a condition holds, which none but values of these types meet."""
    if isinstance(values, Column) or not set(types) & set(map(type, values)):
        return np.zeros(len(values), np.bool_)
    return np.fromiter(map(holds, values), np.bool_, len(values))
