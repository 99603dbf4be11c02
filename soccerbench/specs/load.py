"""From YAML to rows: defaults, overrides, and errors that name file, row and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soccerbench.errors import SpecError, first_error
from soccerbench.specs.grounding import GROUNDING_HEADS
from soccerbench.specs.merge import overlay, put, refuse_unknown, split, still_open
from soccerbench.specs.needs import with_runs
from soccerbench.specs.shipped import shipped, table_file
from soccerbench.specs.spotting import Row, SpottingRow, Table
from soccerbench.specs.video_models import is_extractor_table
from soccerbench.specs.yaml_file import parse_yaml, read_yaml

_TABLE_KEYS = {"table", "title", "source", "task", "defaults", "heads", "rows"}
_GROUNDING_KEYS = {key for row_type in GROUNDING_HEADS.values() for key in row_type.model_fields}


@cache
def table_names() -> tuple[str, ...]:
    """The shipped tables whose rows are heads, sorted."""
    return tuple(name for name in _shipped_names() if not is_extractor_table(table_file(name)))


def load_table(
    name: str, *, mini: bool = False, settings: Sequence[tuple[str, Any]] = (), inside: tuple[str, ...] = ()
) -> Table:
    """Read a shipped table by name, or a user's table by its path.

    Args:
        name: "table2", or the path of a YAML file.
        mini: apply `mini.yaml`, the smaller settings of the embedded dataset.
        settings: (dotted key, value) pairs that override every row whose head knows the key, as `--set` gives them.
        inside: tables that are being read, for references between tables.

    Raises:
        SpecError: unknown table, or an invalid value; names file, row and key.
    """
    file = table_file(name)
    if is_extractor_table(file):
        raise SpecError(name, "its rows are video models: fine-tune one with `soccerbench finetune MODEL`")
    if not name.endswith((".yaml", ".yml")) and name not in table_names():
        raise SpecError(name, f"no such table; shipped are {', '.join(_shipped_names())}, or give a YAML file's path")
    content = read_yaml(file)
    refuse_unknown(file, content, _TABLE_KEYS)
    rows = content.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SpecError(file, "rows: a list of rows is needed")
    smaller = read_yaml(shipped("reproduce") / "mini.yaml") if mini else {}
    built = [_row(file, content, index, raw, smaller, settings) for index, raw in enumerate(rows, start=1)]
    for key, value in settings:
        if not any(f"{key}={value}" in row.changed for row in built):
            raise SpecError("--set", f"{key}: no row of {name} has this key")
    built = with_runs(file, built, lambda other: load_table(other, mini=mini, inside=(*inside, name)), inside)
    try:
        return Table(
            table=content.get("table", file.stem),
            title=content.get("title", file.stem),
            source=content.get("source", str(file)),
            rows=tuple(built),
        )
    except ValidationError as error:
        raise SpecError(file, first_error(error)) from None


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` into a dotted key and a value, read as YAML.

    Raises:
        SpecError: no `=`, no key, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SpecError("--set", f"{text!r} is not key=value")
    return key, parse_yaml(value, f"--set: {key}")


@cache
def _shipped_names() -> tuple[str, ...]:
    """All shipped tables, sorted."""
    return tuple(file.stem for file in sorted(shipped("reproduce").glob("*.yaml")) if "rows" in read_yaml(file))


def _row(
    file: Path,
    content: Mapping[str, Any],
    index: int,
    raw: Mapping[str, Any],
    smaller: Mapping[str, Any],
    settings: Sequence[tuple[str, Any]],
) -> Row:
    place = f"{file}: row {raw.get('row', f'number {index} of the list')}"
    defaults = split(place, content.get("defaults") or {})
    head = raw.get("head", defaults[0].get("head"))
    kind = row_type(place, raw.get("task", content.get("task")), head)
    values, reasons = overlay(defaults, split(place, (content.get("heads") or {}).get(head) or {}))
    values, reasons = overlay((values, reasons), split(place, raw))
    part = smaller.get(f"{values.get('head')}/{values.get('mode')}")
    if part is not None:
        values, reasons = overlay((values, reasons), split("mini.yaml", {"assumed": part}))
    values = {"table": content.get("table", file.stem), **values, "task": raw.get("task", content.get("task"))}
    changed = []
    for key, value in settings:
        first = key.partition(".")[0]
        if first in kind.model_fields or first not in _GROUNDING_KEYS:
            put(place, values, key, value)
            reasons.pop(first, None)
            values["left_open"] = still_open(values.get("left_open", {}), {first: values[first]})
            changed.append(f"{key}={value}")
    try:
        return kind.model_validate({**values, "assumed": reasons, "changed": changed})
    except ValidationError as error:
        raise SpecError(place, first_error(error)) from None


def row_type(place: str, task: object, head: object) -> type[Row]:
    """The type of the rows of a task and head.

    Raises:
        SpecError: an unknown task, or an unknown head of replay grounding.
    """
    if task == "spotting":
        return SpottingRow
    if task != "grounding":
        raise SpecError(place, f"task: {task!r} is not one of spotting, grounding")
    if head not in GROUNDING_HEADS:
        raise SpecError(place, f"head: unknown head {head!r}; known: {', '.join(GROUNDING_HEADS)}")
    return GROUNDING_HEADS[str(head)]
