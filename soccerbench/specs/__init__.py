"""Tables as data: one row is one frozen, validated object."""

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
