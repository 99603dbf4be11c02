"""From a row of Table 1 to its model."""

from __future__ import annotations

from typing import TypedDict

from soccerbench.extractors.base import Extractor
from soccerbench.extractors.slowonly import SlowOnly
from soccerbench.extractors.tpn import TPN
from soccerbench.specs.extractors import ExtractorRow, SlowOnlyRow, TpnRow


class _Common(TypedDict):
    backbone: str
    dropout: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def build(row: ExtractorRow) -> Extractor:
    """The model of a row, with fresh weights from torch's global generator.

    Raises:
        ValueError: sizes that do not fit one another, or a backbone that timm does not know.
    """
    common: _Common = {"backbone": row.backbone, "dropout": row.dropout, "mean": row.mean, "std": row.std}
    if isinstance(row, SlowOnlyRow):
        return SlowOnly(**common)
    if isinstance(row, TpnRow):
        return TPN(**common, pools=row.pools, flows=row.flows, auxiliary_weight=row.auxiliary_weight)
    raise ValueError(f"{row.model}: no such model")
