"""From a row of Table 1 to its model."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from soccerbench.errors import SpecError
from soccerbench.plugins import load_class
from soccerbench.specs.video_models import ExtractorRow, GtaRow, IrCsnRow, OwnRow, SlowOnlyRow, TpnRow, VtnRow
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.gta import GTA
from soccerbench.video.models.ircsn import IrCSN
from soccerbench.video.models.slowonly import SlowOnly
from soccerbench.video.models.tpn import TPN
from soccerbench.video.models.vtn import VTN


class _Common(TypedDict):
    backbone: str
    dropout: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def build(row: ExtractorRow, *, plugin: Path | None = None) -> Extractor:
    """The model of a row, with fresh weights from torch's global generator.

    Args:
        row: the spec.
        plugin: the file that holds the class of a model of one's own.

    Raises:
        SpecError, InputError: a model of one's own that is not in the plugin, or is none.
        ValueError: sizes that do not fit one another, or a backbone that timm does not know.
    """
    if isinstance(row, OwnRow):
        return _own(row, plugin)
    common: _Common = {"backbone": row.backbone, "dropout": row.dropout, "mean": row.mean, "std": row.std}
    if isinstance(row, SlowOnlyRow):
        return SlowOnly(**common)
    if isinstance(row, TpnRow):
        return TPN(**common, pools=row.pools, flows=row.flows, auxiliary_weight=row.auxiliary_weight)
    if isinstance(row, IrCsnRow):
        return IrCSN(**common)
    if isinstance(row, GtaRow):
        return GTA(**common, frames=row.clip.frames, heads=row.temporal_heads, regions=row.regions)
    if isinstance(row, VtnRow):
        return VTN(
            **common,
            size=row.size,
            layers=row.layers,
            heads=row.heads,
            feedforward=row.feedforward,
            positions=row.positions,
            encoder_dropout=row.encoder_dropout,
            hidden=row.hidden,
        )
    raise ValueError(f"{row.model}: no such model")


def _own(row: OwnRow, plugin: Path | None) -> Extractor:
    network = load_class(row.network, plugin, of=Extractor)
    try:
        model: Extractor = network(
            width=row.width, dropout=row.dropout, mean=row.mean, std=row.std, size=row.size, frames=row.clip.frames,
            **row.options,
        )  # fmt: skip
    except TypeError as error:
        raise SpecError(f"network {row.network}", f"does not take what its row gives ({error})") from error
    return model
