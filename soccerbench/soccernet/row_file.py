"""One label or prediction file: read, parsed, and its faults counted or refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import count_repeated_keys, parse_json
from soccerbench.soccernet.rows import UNKNOWN, Table

OF_UNKNOWN = "events of the unknown class"


class RowFile:
    """One JSON file with a list of entries, being read.

    Args:
        data: the file's text.
        path: names it in errors.
        key: of the list.
        strict: refuse every fault, not only what the official scorer fails on.

    Attributes:
        document: the file, parsed.
        entries: of the list, up to the first that is no object, which is refused.
        warnings: how many entries have which fault.

    Raises:
        InputError: no JSON, or no list under `key`.
    """

    def __init__(self, data: bytes, path: Path, key: str, *, strict: bool) -> None:
        self.data, self.path, self.key, self.strict = data, path, key, strict
        self.document: Any = parse_json(data, path, lenient=not strict)
        entries = entries_of(self.document, key, path, strict=strict)
        odd = (row for row, entry in enumerate(entries, 1) if not isinstance(entry, dict))
        self.entries = entries[: next(odd, None)]
        self.warnings: Counter[str] = Counter()

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
            if fault.kind == UNKNOWN:
                self.warnings.update({f"{OF_UNKNOWN} {name}, skipped": times for name, times in table.unknown.items()})
            elif count:
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
        keys = count_keys(self.document) if nested else len(self.document) + sum(map(len, self.entries))
        repeated = count_repeated_keys(self.data, self.path, keys=keys)
        if repeated and self.strict:
            raise InputError(self.path, f"keys that appear twice in one object ({repeated})", "write each key once")
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
