"""Tables as data: one row is one frozen, validated object."""

from soccerbench.specs.errors import SpecError
from soccerbench.specs.features import Block, blocks_of, load_features
from soccerbench.specs.load import load_table, parse_setting, table_names
from soccerbench.specs.types import Row, SpottingRow, Table

__all__ = [
    "Block",
    "Row",
    "SpecError",
    "SpottingRow",
    "Table",
    "blocks_of",
    "load_features",
    "load_table",
    "parse_setting",
    "table_names",
]
