"""The entries of label and prediction files: what is wrong with one, and its values as the official scorer takes them.

Conventions
    fault   anything a strict reader refuses; a lenient one counts it and goes on where the official scorer does
    entry   counted from 1, as a reader of the file would
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import Repr
from typing import Any, Generic, NamedTuple, TypeVar

from soccerbench.errors import InputError
from soccerbench.events import FPS, SPOTTING_FRAMES
from soccerbench.soccernet.archive import count_repeated_keys
from soccerbench.soccernet.classes import CLASS_INDEX

LIMIT_MS = 2 * 3600 * 1000
OFFICIAL_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
_FARTHEST_MS = 10**12
_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 40
shown: Callable[[Any], str] = _shorten.repr
Row = TypeVar("Row")


class Fault(NamedTuple):
    """One thing wrong with one entry.

    Args:
        kind: how a counted warning names it, with what the official scorer makes of it.
        problem: how an error names it.
        remedy: what to do about it.
    """

    kind: str
    problem: str
    remedy: str


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


@dataclass(frozen=True)
class EntryReader(Generic[Row]):
    """Reads the entries of one list, refusing or counting their faults.

    Args:
        path: names the file in errors.
        place: names the list in errors.
        read: one entry's values, or None where the official scorer skips it; raises where that raises.
        faults: all that a strict reader minds in one entry.
        strict: refuse every fault, not only those at which `read` raises.
        warnings: how many entries have which fault, counted as they are read.
    """

    path: Path
    place: str
    read: Callable[[Any], Row | None]
    faults: Callable[[Any], list[Fault]]
    strict: bool
    warnings: Counter[str] = field(default_factory=Counter)

    def one(self, number: int, entry: Any) -> Row | None:
        """Read one entry.

        Raises:
            InputError: it cannot be used.
        """
        found = self.faults(entry)
        if self.strict and found:
            raise self._refuse(number, found)
        try:
            row = self.read(entry)
        except OFFICIAL_ERRORS:
            raise self._refuse(number, found) from None
        self.warnings.update(fault.kind for fault in found)
        return row

    def all(self, entries: Iterable[Any]) -> list[Row]:
        """Read them one by one; those that the official scorer skips give no row.

        Raises:
            InputError: the first entry that cannot be used.
        """
        rows = (self.one(number, entry) for number, entry in enumerate(entries, 1))
        return [row for row in rows if row is not None]

    def _refuse(self, number: int, found: list[Fault]) -> InputError:
        problem = " and ".join(fault.problem for fault in found) or "cannot be read"
        remedy = found[0].remedy if found else "write it as SoccerNet does"
        return InputError(self.path, f"{self.place}, entry {number}: {problem}", remedy)


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


def refuse_repeated_keys(data: bytes, path: Path, *, keys: int, strict: bool, warnings: Counter[str]) -> None:
    """Count keys that stand twice in one object, of which the last is read, or refuse them if `strict`.

    Args:
        data: the file's text.
        path: names the file in errors.
        keys: how many keys the parsed document holds.
        strict: raise rather than count.
        warnings: counted into.

    Raises:
        InputError: such a key, if `strict`.
    """
    repeated = count_repeated_keys(data, path, keys=keys)
    if repeated and strict:
        raise InputError(path, f"{repeated} keys stand twice in one object", "write each key once")
    if repeated:
        warnings["keys that stand twice in one object, the last read"] += repeated


def whole_number(value: Any) -> bool:
    """Whether `value` is a whole number, as a number or as text."""
    if isinstance(value, str):
        try:
            int(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int) and not isinstance(value, bool)


def position_ms(value: Any) -> int:
    """The position that the official scorer reads, kept within 64 bits; raises where that raises."""
    position = int(value)
    int(FPS * (position / 1000))
    return max(-_FARTHEST_MS, min(position, _FARTHEST_MS))


def check_frame(position: int) -> None:
    """Raise IndexError for a position so far before the half that the official scorer's vector does not wrap to it."""
    if int(FPS * (position / 1000)) < -SPOTTING_FRAMES:
        raise IndexError(position)


def position_faults(entry: dict[str, Any]) -> list[Fault]:
    """What is wrong with an entry's `position`, in milliseconds."""
    if "position" not in entry:
        return [Fault("entries without a position", "key 'position' is missing", "give milliseconds in the half")]
    value = entry["position"]
    problem, remedy = f"position {shown(value)}", "give milliseconds from the start of the half, 0 to 7200000"
    if not whole_number(value):
        return [Fault("positions that are no whole number, cut to one", f"{problem} is no whole number", remedy)]
    if int(value) < 0:
        kind = "positions before the half, wrapped round to the end of a two-hour vector"
        return [Fault(kind, f"{problem} lies before the half", remedy)]
    if int(value) > LIMIT_MS:
        return [Fault("positions beyond two hours, moved to there", f"{problem} lies beyond two hours", remedy)]
    return []


def event_faults(entry: dict[str, Any]) -> list[Fault]:
    """What is wrong with an entry's `label`."""
    if "label" not in entry:
        return [Fault("entries without a label", "key 'label' is missing", "name one of the 17 events")]
    label = entry["label"]
    if isinstance(label, str) and label in CLASS_INDEX:
        return []
    return [Fault("unknown events, skipped", f"unknown event {shown(label)}", "name one of the 17 events exactly")]


def half_faults(entry: dict[str, Any]) -> list[Fault]:
    """What is wrong with an entry's `half`."""
    if "half" not in entry:
        return [Fault("entries without a half", "key 'half' is missing", "give 1 or 2")]
    value = entry["half"]
    if whole_number(value) and int(value) in (1, 2):
        return []
    return [Fault("halves other than 1 and 2, skipped", f"half {shown(value)} is neither 1 nor 2", "give 1 or 2")]


def confidence_of(value: Any) -> float:
    """The confidence that the official scorer reads: text is parsed, null is no number; raises where that raises."""
    return math.nan if value is None else float(value)


def confidence_faults(entry: dict[str, Any], key: str = "confidence") -> list[Fault]:
    """What is wrong with an entry's confidence."""
    remedy = "give a number from 0 to 1"
    if key not in entry:
        return [Fault(f"entries without a {key}", f"key {key!r} is missing", remedy)]
    value = entry[key]
    problem = f"{key} {shown(value)}"
    if isinstance(value, bool):
        return [Fault(f"{key}s that are true or false, taken as 1 or 0", f"{problem} is no number", remedy)]
    try:
        confidence = confidence_of(value)
    except OFFICIAL_ERRORS:
        confidence = math.nan
    if math.isnan(confidence):
        return [Fault(f"{key}s that are no number, never counted", f"{problem} is no number", remedy)]
    if confidence < 0:
        return [Fault(f"{key}s below 0, never counted", f"{problem} is below 0", remedy)]
    if confidence > 1:
        return [Fault(f"{key}s above 1, taken as surer than any threshold", f"{problem} is above 1", remedy)]
    return []
