"""The registry of video models: from a row of Table 1 to its model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from soccerbench.errors import SpecError
from soccerbench.plugins import load_class
from soccerbench.specs.video_models import ExtractorRow, OwnRow
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.gta import GTA
from soccerbench.video.models.ircsn import IrCSN
from soccerbench.video.models.slowonly import SlowOnly
from soccerbench.video.models.tpn import TPN
from soccerbench.video.models.vtn import VTN

MODELS: dict[str, Callable[[Any], Extractor]] = {
    "tpn-r50": TPN,
    "tpn-r101": TPN,
    "gta": GTA,
    "vtn": VTN,
    "ircsn": IrCSN,
    "i3d-slow": SlowOnly,
}


def build(row: ExtractorRow, *, plugin: Path | None = None) -> Extractor:
    """The model of a row, with fresh weights from torch's global generator."""
    if not isinstance(row, OwnRow):
        return MODELS[row.model](row)
    network = load_class(row.network, plugin, of=Extractor)
    try:
        model: Extractor = network(
            width=row.width, dropout=row.dropout, mean=row.mean, std=row.std, size=row.size, frames=row.clip.frames,
            **row.options,
        )  # fmt: skip
    except TypeError as error:
        raise SpecError(f"network {row.network}", f"does not take what its row gives ({error})") from error
    return model
