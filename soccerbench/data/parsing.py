"""JSON from strangers: parsed fast and within bounds, and what a parser passes over in silence counted.

Conventions
    lenient   also what Python's own parser takes and the standard forbids (NaN, infinity, lone surrogates, long
              integers), since the official scorer reads with it; what that parser refuses is refused here too
    repeated  a key that stands twice in one object: every parser keeps the last and says nothing
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from soccerbench.data.errors import InputError

MAX_CONTAINERS = 1_000_000
_REMEDY = "write the file again"


def parse_json(data: bytes, path: Path, *, lenient: bool = False) -> Any:
    """Parse JSON bytes.

    Args:
        data: the whole file.
        path: named in errors.
        lenient: read what Python's parser reads, not only what the standard allows.

    Raises:
        InputError: no JSON, or more than MAX_CONTAINERS objects and lists.
    """
    containers = data.count(b"{") + data.count(b"[") if len(data) > 2 * MAX_CONTAINERS else 0
    if containers > MAX_CONTAINERS:
        problem = f"{containers} objects and lists, at most {MAX_CONTAINERS} are read"
        raise InputError(path, problem, "this is no prediction or label file; check what was packed")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}: no JSON ({error.msg})"
    if lenient:
        try:
            return json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError):
            pass
    raise InputError(path, place, _REMEDY)


def count_repeated_keys(data: bytes, path: Path, *, keys: int) -> int:
    """Keys that stand more than once in their object.

    Args:
        data: JSON that `parse_json` has read.
        path: named in errors.
        keys: keys in the parsed document; where the text closes just as many, nothing is repeated and the file is
            not parsed again.

    Raises:
        InputError: nested too deeply to be looked through.
    """
    if _closes_keys(data, keys):
        return 0
    repeated = 0

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        entry = dict(pairs)
        repeated += len(pairs) - len(entry)
        return entry

    try:
        json.loads(data.decode("utf-8"), object_pairs_hook=count)
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be looked through for repeated keys ({error})", _REMEDY) from None
    return repeated


def _closes_keys(data: bytes, keys: int) -> bool:
    """Whether just so many quotes stand before a colon, and no space does; strings with such in them say no, too."""
    text = np.frombuffer(data, np.uint8)
    before, colon = text[:-1], text[1:] == ord(":")
    return np.count_nonzero(colon & (before == ord('"'))) == keys and not (colon & (before <= ord(" "))).any()
