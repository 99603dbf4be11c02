"""From YAML to rows and back: defaults, settings, the rows that a row needs, and errors that name file, row and key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, cast

import yaml

from soccerbench.errors import SpecError, did_you_mean
from soccerbench.specs.base import BaseRow
from soccerbench.specs.grounding import GroundingRow, Run, Step
from soccerbench.specs.heads import heads_for
from soccerbench.specs.shipped import is_file_name, shipped, table_file
from soccerbench.specs.spotting import DenseRow, Row, SpottingRow, Table, is_dense
from soccerbench.specs.video_models import ExtractorRow, is_extractor_table
from soccerbench.specs.yaml_file import checked, overlay, parse_yaml, read_table, read_yaml, split, with_settings

_TABLE_KEYS = {"table", "title", "source", "task", "base", "varied", "defaults", "heads", "rows"}
_NOT_SETTABLE = {"table", "row", "task", "assumed", "left_open", "changed", "published", "runs"}


@cache
def table_names() -> tuple[str, ...]:
    """The shipped tables whose rows are heads, sorted."""
    return tuple(name for name in _shipped_names() if not is_extractor_table(table_file(name)))


def load_table(
    name: str,
    *,
    mini: bool = False,
    settings: Sequence[tuple[str, Any]] = (),
    rows: Collection[int] | None = None,
    inside: tuple[str, ...] = (),
) -> Table:
    """Read a shipped table by name, or a user's table by its path.

    Args:
        name: "table2", or the path of a YAML file.
        mini: apply `mini.yaml`, the smaller settings of the embedded dataset, to shipped tables; a user's table is
            taken as it is.
        settings: (dotted key, value) pairs, as `--set` gives them, for every chosen row whose head knows the key.
        rows: the numbers of the chosen rows; all if not given.
        inside: tables that are being read, for references between tables.

    Raises:
        SpecError: unknown table, or an invalid value; names file or setting, row and key.

    Examples:
        >>> table = sb.load_table("table2")
        >>> len(table.rows), table.row(8).chunk_s
        (10, 7.0)
    """
    file = table_file(name)
    if is_extractor_table(file):
        raise SpecError(name, "its rows are video models: fine-tune one with `soccerbench finetune MODEL`")
    if not is_file_name(name) and name not in table_names():
        shipped_names = _shipped_names()
        problem = f"no such table{did_you_mean(name, shipped_names)}; shipped are {', '.join(shipped_names)}"
        raise SpecError(name, f"{problem}, or give a YAML file's path")
    content, raw_rows = read_table(file, _TABLE_KEYS)
    smaller = read_yaml(shipped("reproduce") / "mini.yaml") if mini and not is_file_name(name) else {}
    base = _base(file, content)
    built = [_row(file, (base, content), index, raw, smaller) for index, raw in enumerate(raw_rows, start=1)]
    chosen = [row for row in built if rows is None or row.row in rows]
    for key, value in settings:
        known = {field for row in chosen for field in _settable(row)}
        if chosen and key.partition(".")[0] not in known:
            raise SpecError(f"--set {key}={value}", f"no chosen row of {name} has this key{did_you_mean(key, known)}")
    for place, row in enumerate(built):
        taken = [(key, key, value) for key, value in settings if key.partition(".")[0] in _settable(row)]
        if taken and row in chosen:
            built[place] = with_settings(row, taken)
    load = cache(lambda other: load_table(other, mini=mini, inside=(*inside, name)))
    about = {"table": file.stem, "title": file.stem, "source": str(file)} | {
        key: content[key] for key in ("table", "title", "source") if key in content
    }
    return checked(Table, {**about, "rows": _with_runs(file, built, load, inside)}, file)


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` into a dotted key and a value, read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SpecError(f"--set {text}", "write key=value, such as max_epochs=5")
    return key, parse_yaml(value, f"--set {text}")


def spec_text(row: Row | ExtractorRow) -> str:
    """A row as YAML: what is stated first, then what is assumed with its reasons, then what is published."""
    values = row.model_dump(mode="json")
    reasons = values.pop("assumed") | values.pop("left_open", {})
    published = values.pop("published")
    stated = {key: value for key, value in values.items() if key not in reasons and value not in (None, [], {})}
    assumed = {
        key: {"value": values[key], "why": why} if key in values else {"why": why} for key, why in reasons.items()
    }
    content = {**stated, "assumed": assumed, "published": published}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


@cache
def _shipped_names() -> tuple[str, ...]:
    """All shipped tables, sorted."""
    return tuple(file.stem for file in sorted(shipped("reproduce").glob("*.yaml")) if "rows" in read_yaml(file))


def _base(file: Path, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shipped table whose defaults and heads' sections come before those of `content`; empty if it names none."""
    base = content.get("base")
    if base is None:
        return {}
    if base not in table_names():
        raise SpecError(file, f"base: no shipped table {base!r}{did_you_mean(str(base), table_names())}")
    return read_yaml(table_file(base))


def _row(
    file: Path,
    tables: tuple[Mapping[str, Any], Mapping[str, Any]],
    index: int,
    raw: Mapping[str, Any],
    smaller: Mapping[str, Any],
) -> Row:
    place, content = f"{file}: row {raw.get('row', f'number {index} of the list')}", tables[1]
    layers = [split(place, table.get("defaults") or {}) for table in tables]
    head = raw.get("head", layers[1][0].get("head", layers[0][0].get("head")))
    sections = [split(place, split(place, table.get("heads") or {})[0].get(head) or {}) for table in tables]
    values, reasons = split(place, {})
    for layer in (*chain.from_iterable(zip(layers, sections, strict=True)), split(place, raw)):
        values, reasons = overlay((values, reasons), layer)
    kind = row_type(place, raw.get("task", content.get("task")), head, values)
    for section in (f"{values.get('head')}/{values.get('mode')}", f"{content.get('table')}/{raw.get('row')}"):
        part = smaller.get(section) or {}
        part = {key: value for key, value in part.items() if key not in (content.get("varied") or ())}
        values, reasons = overlay((values, reasons), split("mini.yaml", {"assumed": part}))
    values = {"table": content.get("table", file.stem), **values, "task": raw.get("task", content.get("task"))}
    return checked(kind, {**values, "assumed": reasons}, place)


def _settable(row: Row) -> set[str]:
    """The keys of a row that `--set` may change."""
    return set(type(row).model_fields) - _NOT_SETTABLE


def row_type(place: str, task: object, head: object, keys: Collection[str]) -> type[Row]:
    """The type of the rows of a task and head; `keys` of the row say whether a custom head is dense."""
    if task == "spotting":
        return DenseRow if is_dense(head, keys) else SpottingRow
    if task != "grounding":
        raise SpecError(place, f"task: {task!r} is not one of spotting, grounding")
    heads = heads_for("grounding")
    if head not in heads:
        raise SpecError(place, f"head: unknown head {head!r}{did_you_mean(head, heads)}; known: {', '.join(heads)}")
    kind: Any = heads[str(head)].keys
    return cast("type[Row]", kind)


def _with_runs(file: Path, rows: Sequence[Row], load: Callable[[str], Table], inside: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a table, each with the rows whose runs it needs, so that it holds all that its result depends on.

    Args:
        inside: tables that are being read, which must not be referred to.
    """
    known = {row.row: row for row in rows}

    def whole(number: int, trail: tuple[int, ...]) -> Row:
        row = known[number]
        if isinstance(row, GroundingRow) and not row.runs:
            place = f"{file}: row {number}: postprocess"
            steps = [(step, step.run) for step in row.postprocess if step.run is not None]
            runs = tuple(needed(place, step, named, (*trail, number)) for step, named in steps)
            known[number] = row.model_copy(update={"runs": runs})
        return known[number]

    def needed(place: str, step: Step, named: Run, trail: tuple[int, ...]) -> BaseRow:
        if named.table in inside:
            raise SpecError(place, f"needs {named.table}, whose rows need this table")
        others = known if named.table is None else {row.row: row for row in load(named.table).rows}
        if named.row not in others:
            raise SpecError(place, f"no row {named.row} in {named.table or 'this table'}")
        if named.table is None and named.row in trail:
            raise SpecError(place, f"needs row {named.row}, which needs this one")
        row = whole(named.row, trail) if named.table is None else others[named.row]
        if row.task != step.uses:
            raise SpecError(place, f"{step.step} needs a {step.uses} row, and {row.table} row {row.row} is not one")
        return row

    return tuple(whole(row.row, ()) for row in rows)
