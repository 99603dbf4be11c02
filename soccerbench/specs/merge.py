"""Config merging: a table's defaults, its rows, then settings; the reason of an assumed value is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soccerbench.errors import SpecError

Layer = tuple[dict[str, Any], dict[str, str]]
_COMPUTED = ("changed", "blocks", "runs", "needs", "left_open")


def split(place: str, raw: Mapping[str, Any]) -> Layer:
    """All values by key, stated or assumed, and the reason of each assumed one.

    An assumption with a reason but no value is kept under `left_open`.

    Raises:
        SpecError: not a mapping, a key both stated and assumed, an assumption without a reason, or a computed key.
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
            raise SpecError(place, f"{key}: both stated and under assumed")
        if not isinstance(entry, Mapping) or set(entry) != {"value", "why"} or not isinstance(entry["why"], str):
            raise SpecError(place, f"assumed: {key}: write {{value: …, why: …}}")
        values[key], reasons[key] = entry["value"], entry["why"]
    for key in _COMPUTED:
        if key in values:
            raise SpecError(place, f"{key}: is computed, remove it")
    return values | ({"left_open": left_open} if left_open else {}), reasons


def overlay(base: Layer, over: Layer) -> Layer:
    """`over` on top of `base`; the reasons in `base` for overridden values are dropped."""
    values = {**base[0], **over[0]}
    if "left_open" in values:
        values["left_open"] = {**still_open(base[0].get("left_open", {}), over[0]), **over[0].get("left_open", {})}
    kept = {key: why for key, why in base[1].items() if key not in over[0]}
    return values, {**kept, **over[1]}


def still_open(reasons: Mapping[str, str], over: Mapping[str, Any]) -> dict[str, str]:
    """The reasons that are about neither a value set in `over` nor a part of one."""
    whole = {key for key, value in over.items() if isinstance(value, (Mapping, list))}
    return {key: why for key, why in reasons.items() if key not in over and key.partition(".")[0] not in whole}


def put(place: str, values: dict[str, Any], dotted: str, value: Any) -> None:
    """Put `value` at a dotted key; every level but the last must exist.

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
    """Refuse a key that no table has."""
    unknown = sorted(set(content) - known)
    if unknown:
        raise SpecError(file, f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
