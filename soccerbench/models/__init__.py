"""The heads of the paper and of the baselines it measures against: plain torch modules, loaded on first use.

Conventions
    width        C, the width of the features
    classes      events, background not counted
    d_model      width of a token, which the attention `heads` share; `feedforward` is the hidden width between layers
    kernel       frames that a convolution sees, odd
    dropout      of the paper's or the original's places: on the tokens, inside the layers, before the classifier
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soccerbench.models.cmn import Cmn
    from soccerbench.models.grounding_transformer import GroundingTransformer
    from soccerbench.models.netvlad import NetVLADpp
    from soccerbench.models.official import from_official
    from soccerbench.models.resnet1d import ResNet1D
    from soccerbench.models.ste import STE
    from soccerbench.models.transformer import SpottingTransformer

__all__ = ["STE", "Cmn", "GroundingTransformer", "NetVLADpp", "ResNet1D", "SpottingTransformer", "from_official"]

_HOME = {
    "Cmn": "cmn",
    "GroundingTransformer": "grounding_transformer",
    "NetVLADpp": "netvlad",
    "ResNet1D": "resnet1d",
    "STE": "ste",
    "SpottingTransformer": "transformer",
    "from_official": "official",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
