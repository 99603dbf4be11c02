"""Rows in layers: a table's defaults, its rows, settings on top; the reason of what is assumed goes with its value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soccerbench.errors import SpecError

Layer = tuple[dict[str, Any], dict[str, str]]
_WORKED_OUT = ("changed", "blocks", "runs", "needs", "left_open")


def split(place: str, raw: Mapping[str, Any]) -> Layer:
    """Values by key, stated and assumed alike, and the reason of each assumed one.

    What is assumed with a reason alone is kept among the values, under `left_open`.

    Raises:
        SpecError: no mapping, a key that stands in both, an assumption without a reason, or a key that is worked out.
    """
    if not isinstance(raw, Mapping):
        raise SpecError(place, "a mapping of keys to values is needed")
    values = {key: value for key, value in raw.items() if key != "assumed"}
    reasons, left_open = {}, {}
    for key, entry in (raw.get("assumed") or {}).items():
        if isinstance(entry, Mapping) and set(entry) == {"why"} and isinstance(entry["why"], str):
            left_open[key] = entry["why"]
            continue
        if key in values:
            raise SpecError(place, f"{key}: stands both as stated and under assumed")
        if not isinstance(entry, Mapping) or set(entry) != {"value", "why"} or not isinstance(entry["why"], str):
            raise SpecError(place, f"assumed: {key}: write {{value: …, why: …}}")
        values[key], reasons[key] = entry["value"], entry["why"]
    for key in _WORKED_OUT:
        if key in values:
            raise SpecError(place, f"{key}: is worked out, not given")
    return values | ({"left_open": left_open} if left_open else {}), reasons


def overlay(base: Layer, over: Layer) -> Layer:
    """`over` on top of `base`; what it sets is no longer assumed for the reason that `base` gives."""
    values = {**base[0], **over[0]}
    if "left_open" in values:
        values["left_open"] = {**still_open(base[0].get("left_open", {}), over[0]), **over[0].get("left_open", {})}
    kept = {key: why for key, why in base[1].items() if key not in over[0]}
    return values, {**kept, **over[1]}


def still_open(reasons: Mapping[str, str], over: Mapping[str, Any]) -> dict[str, str]:
    """Those of the reasons that are not about a value set in `over`, nor about a part of one that has parts."""
    whole = {key for key, value in over.items() if isinstance(value, (Mapping, list))}
    return {key: why for key, why in reasons.items() if key not in over and key.partition(".")[0] not in whole}


def put(place: str, values: dict[str, Any], dotted: str, value: Any) -> None:
    """Put `value` at a dotted key; every level but the last must be there already.

    Raises:
        SpecError: a level that holds no keys.
    """
    *levels, last = dotted.split(".")
    for level in levels:
        inner = values.get(level)
        if not isinstance(inner, dict):
            raise SpecError(place, f"--set {dotted}: {level!r} holds no keys")
        values[level] = values = dict(inner)
    values[last] = value


def refuse_unknown(file: Path, content: Mapping[str, Any], known: set[str]) -> None:
    """Name the first key of a table that no table has."""
    unknown = sorted(set(content) - known)
    if unknown:
        raise SpecError(file, f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")


def first_error(error: ValidationError) -> str:
    """The first of the errors in plain words, with its key, and how many more there are; unknown keys come first.

    A key that is mistyped is missing, too, and what was written says more than what was meant.
    """
    errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in errors[0]["loc"])
    message = str(errors[0]["msg"]).removeprefix("Value error, ")
    message = message.replace("Extra inputs are not permitted", "unknown key")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{key}: {message}{more}" if key else f"{message}{more}"
