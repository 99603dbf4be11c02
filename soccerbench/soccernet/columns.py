"""The events of a file as columns: all entries at once where nothing is odd about them, else one by one.

Conventions
    clean    what reading all at once gives, it gives only where one by one would give the same without a fault
    columns  half, label and position in milliseconds, int64, and one more of the file's own
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from numpy.typing import DTypeLike, NDArray

from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.json_rows import OFFICIAL_ERRORS, EntryReader, Fault, entries_of, refuse_repeated_keys

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[Any]]


def read_columns(
    tree: Tree,
    name: str,
    key: str,
    *,
    clean: Callable[[list[Any]], Columns | None],
    read: Callable[[Any], tuple[int, int, int, Any] | None],
    faults: Callable[[Any], list[Fault]],
    last: DTypeLike,
    strict: bool,
) -> tuple[Columns, Counter[str]]:
    """Read the events of one file.

    Args:
        tree: the folder or zip that holds it.
        name: of the file.
        key: of its list of entries.
        clean: reads all entries, at least one; None, or an exception, where any of them needs a closer look.
        read: reads one entry; see `EntryReader`.
        faults: all that a strict reader minds in one entry.
        last: type of the last column.
        strict: refuse every fault and repeated keys.

    Returns:
        The columns and how many entries have which fault.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused.
    """
    path = tree.path / name
    data = tree.read(name)
    document = parse_json(data, path, lenient=not strict)
    entries = entries_of(document, key, path, strict=strict)
    warnings: Counter[str] = Counter()
    columns = _all_at_once(clean, entries)
    if columns is None:
        rows = EntryReader(path, key, read, faults, strict, warnings).all(entries)
        half, label, position_ms = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
        columns = (half, label, position_ms, np.array([row[3] for row in rows], last))
    keys = len(document) + sum(map(len, entries))
    refuse_repeated_keys(data, path, keys=keys, strict=strict, warnings=warnings)
    return columns, warnings


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
        raise ValueError(f"no {dtype.__name__} in each")
    return np.fromiter(found, dtype, len(found))


def _all_at_once(clean: Callable[[list[Any]], Columns | None], entries: list[Any]) -> Columns | None:
    try:
        return clean(entries) if entries else None
    except OFFICIAL_ERRORS:
        return None
