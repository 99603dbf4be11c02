"""Tables as data: one row is one frozen, validated object.

Each name below is imported when it is first used: building the types of the rows takes longer than `list`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soccerbench.specs.features import Block, blocks_of, load_features
    from soccerbench.specs.load import load_table, parse_setting, table_names
    from soccerbench.specs.spotting import DenseRow, Row, SpottingRow, Table
    from soccerbench.specs.video_models import ExtractorRow, ExtractorTable, load_extractors

__all__ = [
    "Block",
    "DenseRow",
    "ExtractorRow",
    "ExtractorTable",
    "Row",
    "SpottingRow",
    "Table",
    "blocks_of",
    "load_extractors",
    "load_features",
    "load_table",
    "parse_setting",
    "table_names",
]

_HOME = {
    **dict.fromkeys(("Block", "blocks_of", "load_features"), "features"),
    **dict.fromkeys(("load_table", "parse_setting", "table_names"), "load"),
    **dict.fromkeys(("DenseRow", "Row", "SpottingRow", "Table"), "spotting"),
    **dict.fromkeys(("ExtractorRow", "ExtractorTable", "load_extractors"), "video_models"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
