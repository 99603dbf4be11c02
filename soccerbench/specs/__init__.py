"""Tables as data: one row is one frozen, validated object."""

from soccerbench.specs.errors import SpecError
from soccerbench.specs.extractors import ExtractorRow, ExtractorTable, load_extractors
from soccerbench.specs.features import Block, blocks_of, load_features
from soccerbench.specs.load import load_table, parse_setting, table_names
from soccerbench.specs.types import Row, SpottingRow, Table

__all__ = [
    "Block",
    "ExtractorRow",
    "ExtractorTable",
    "Row",
    "SpecError",
    "SpottingRow",
    "Table",
    "blocks_of",
    "load_extractors",
    "load_features",
    "load_table",
    "parse_setting",
    "table_names",
]
