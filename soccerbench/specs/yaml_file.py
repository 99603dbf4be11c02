"""YAML files of specs: read safely, merged, and checked for unknown keys.

Conventions
    reading  plain data only; a key given twice is an error
    merging  a table's defaults, its rows, then settings; the reason of an assumed value is kept with it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import yaml

from soccerbench.errors import SpecError, did_you_mean, first_error, os_problem

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound="BaseModel")
Layer = tuple[dict[str, Any], dict[str, str]]
_COMPUTED = ("changed", "blocks", "runs", "needs", "left_open")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it


class _UniqueKeys(_Loader):  # type: ignore[misc, valid-type]
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in `file`."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = os_problem(error, file) if isinstance(error, OSError) else "not UTF-8"
        raise SpecError(file, f"cannot be read ({reason})") from None
    content = deepcopy(_parsed(text, file))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SpecError(file, "not a mapping of keys to values")
    return content


@lru_cache(maxsize=64)
def _parsed(text: str, file: Path) -> Any:
    """A file's value, parsed once: tables refer to each other."""
    return parse_yaml(text, file)


class Outline(NamedTuple):
    """What a file of specs says of itself."""

    kind: str  # "table", "figure" or "claims"
    name: str  # of it
    title: str  # of it
    entries: int | None  # how many rows or sentences it has; None for a figure
    source: str  # where it is from


def outline(file: Path) -> Outline | None:
    """What a file says of itself, without making its rows; None for one that is neither table, figure nor claims."""
    node = _yaml_of(yaml.compose, file.read_text("utf-8"), file)
    found = {key.value: value.value for key, value in node.value}
    kind = next((kind for kind in ("table", "figure", "claims") if kind in found), None)
    if kind is None:
        return None
    entries = found.get("rows", found.get("sentences"))
    return Outline(kind, found[kind], found["title"], None if entries is None else len(entries), found["source"])


def parse_yaml(text: str, place: object) -> Any:
    """The value that a YAML text holds.

    Raises:
        SpecError: not YAML, or a key given twice.
    """
    return _yaml_of(yaml.load, text, place)


def _yaml_of(read: Callable[..., Any], text: str, place: object) -> Any:
    try:
        return read(text, Loader=_UniqueKeys)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark and isinstance(place, Path) else ""
        raise SpecError(place, f"{line}{getattr(error, 'problem', None) or 'not YAML'}") from None


def split(place: str, raw: Mapping[str, Any]) -> Layer:
    """All values by key, stated or assumed, and the reason of each assumed one.

    An assumption with a reason but no value is kept under `left_open`.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("assumed") or {}, Mapping):
        raise SpecError(place, "a mapping of keys to values is needed, and another one under assumed")
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
    """Put `value` at a dotted key; every level but the last must exist."""
    *levels, last = dotted.split(".")
    setting = f"{dotted}={value}"
    for level in levels:
        inner = values.get(level)
        if not isinstance(inner, dict):
            raise SpecError(f"--set {setting}", f"{place}: {level} has no keys there")
        values[level] = values = dict(inner)
    values[last] = value


def with_settings(row: Any, settings: Sequence[tuple[str, str, Any]], **others: Any) -> Any:
    """A row in which some keys have other values.

    Args:
        settings: the key as `--set` gave it, the dotted key in the row, and the value.
        others: keys that follow from them.
    """
    from pydantic import ValidationError

    kind, place = type(row), f"{row.table} row {row.row}"
    changed = tuple(f"{given}={value}" for given, _, value in settings)
    values = row.model_dump(include=set(kind.model_fields))
    for _, dotted, value in settings:
        first = dotted.partition(".")[0]
        put(place, values, dotted, value)
        values["assumed"].pop(first, None)
        if "left_open" in values:
            values["left_open"] = still_open(values["left_open"], {first: values[first]})
    try:
        return kind.model_validate({**values, **others, "changed": changed})
    except ValidationError as error:
        raise SpecError(_at_fault(changed, error), f"{place}: {first_error(error, kind)}") from None


def _at_fault(changed: Sequence[str], error: ValidationError) -> str:
    """Those of some settings that a row refused, as `--set` gave them; all if the row does not say which."""
    keys = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    named = [text for text in changed if re.split("[.=]", text)[0] in keys] or changed
    return f"--set {' '.join(named)}"


def read_table(file: Path, known: set[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The content of a table's file, and its rows as they are written."""
    content = read_yaml(file)
    unknown = sorted(set(content) - known)
    if unknown:
        near = did_you_mean(unknown[0], known)
        raise SpecError(file, f"unknown key {unknown[0]!r}{near}; known: {', '.join(sorted(known))}")
    rows = content.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SpecError(file, "rows: a list of rows is needed")
    return content, rows


def checked(kind: type[ModelT], content: object, place: object) -> ModelT:
    """Plain data as a model."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise SpecError(place, first_error(error, kind)) from None
