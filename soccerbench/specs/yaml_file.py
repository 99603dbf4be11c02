"""YAML read safely: plain data only, and a key given twice is an error."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from soccerbench.errors import SpecError

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
    """The mapping in `file`.

    Raises:
        SpecError: missing, unreadable, not YAML, a key given twice, or not a mapping.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SpecError(file, f"cannot be read ({reason})") from None
    content = parse_yaml(text, file)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SpecError(file, "not a mapping of keys to values")
    return content


def parse_yaml(text: str, place: object) -> Any:
    """The value that a YAML text holds.

    Args:
        text: of a file or of a setting.
        place: named in errors.

    Raises:
        SpecError: not YAML, or a key given twice.
    """
    try:
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark and isinstance(place, Path) else ""
        raise SpecError(place, f"{line}{getattr(error, 'problem', None) or 'not YAML'}") from None
