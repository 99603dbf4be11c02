"""Layouts in which pretrained weights for video were published: rules from their names to ours.

The names are those of the modules in the public code: open-mmlab/mmaction2, decisionforce/TPN, facebookresearch/VMZ
(pt/vmz, whose blocks are torchvision's), dmlc/gluon-cv (gluoncv/torch) and bomri/SlowFast.

Conventions
    marks     a layout is recognised by these names, none of them a convolution for images
    rules     of a network, in all its layouts: a pattern that a whole name matches, and our name; the first match
              counts; no name: left out
    [s.b]     block b of stage s, counted through all stages
    <part>    our name of a part of a module, from NAMED
    fills     our names that a file of this layout must give, all of them
    fits      our models that have the network, or its backbone
    partly    why the rest of the file has no counterpart, one to one
    refused   why nothing of it has
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import NamedTuple

from torch import Tensor

Rules = tuple[tuple[str, str], ...]


class Layout(NamedTuple):
    """One network as one repository names its tensors; the fields are those of the conventions."""

    source: str
    network: str
    marks: tuple[str, ...]
    rules: Rules = ()
    fills: str = ""
    fits: tuple[str, ...] = ()
    partly: str = ""
    refused: str = ""

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.network} in the layout of {self.source}"


B, N = r"(?:backbone\.)?", r"(?:necks?|TPN_neck)\."  # backbones were published alone, too
NAMED = {
    "conv": "0", "bn": "1", "norm": "1", "level_fusion_op2": "top_down", "level_fusion_op": "bottom_up",
    "level_fusion_1": "top_down", "level_fusion_2": "bottom_up",
    **{
        layer + part: str(3 * place + norm)  # of a bottleneck: convolution, norm, ReLU, thrice
        for place, layers in enumerate((("1", "g1"), ("2", "g3"), ("3", "g4")))
        for layer in layers
        for norm, parts in enumerate((("conv", "0"), ("bn", "1")))
        for part in parts
    },
}  # fmt: skip


def rules(*pairs: tuple[str, str]) -> Rules:
    """Rules for modules, each for all of a module's tensors."""
    return tuple((rf"{theirs}\.(?P<tensor>\w+)", rf"{ours}.\g<tensor>") for theirs, ours in pairs)


SLOW_RULES = rules(
    (B + r"(conv1|bn1|layer\d\.\d+\.(?:(?:conv|bn)\d|downsample\.[01]))", r"backbone.\1"),
    (B + r"(layer\d\.\d+\.|)conv(\d)\.(conv|bn)", r"backbone.\1\3\2"),
    (B + r"(layer\d\.\d+\.downsample)\.(conv|bn)", r"backbone.\1.<\2>"),
    (r"(?:cls_head\.fc_cls|fc)", "classify"),
)
NECK_RULES = rules(
    (N + r"spatial_modulation\.spatial_modulation\.0\.0\.(conv|bn)", r"neck.spatial.<\1>"),
    (N + r"temporal_modulation_ops\.([01])\.conv(?:\.conv)?", r"neck.temporal.\1.convolve"),
    (N + r"downsampl(?:ing|e)_ops\.0\.conv(?:\.conv)?", "neck.down"),
    (N + r"(level_fusion_op2?)\.ops\.([01])\.(conv|norm)", r"neck.<\1>.levels.\2.<\3>"),
    (N + r"(level_fusion_[12])\.downsamples\.([01])\.conv\.(conv|bn)", r"neck.<\1>.levels.\2.<\3>"),
    (N + r"(level_fusion_op2?)\.fusion_conv\.([01])", r"neck.<\1>.join.\2"),
    (N + r"(level_fusion_[12])\.fusion_conv\.(conv|bn)", r"neck.<\1>.join.<\2>"),
    (N + r"pyramid_fusion_op\.([01])", r"neck.join.\1"),
    (N + r"pyramid_fusion\.(conv|bn)", r"neck.join.<\1>"),
    (N + r"aux_head\.convs?\.(conv|bn)", r"auxiliary.convolve.<\1>"),
    (N + r"aux_head\.fc", "auxiliary.classify"),
)
CSN_RULES = rules(
    (r"stem\.([01])", r"stem.\1"),
    (r"(conv|bn)1", r"stem.<\1>"),
    (B + r"conv1\.(conv|bn)", r"stem.<\1>"),
    (B + r"layer(\d)\.(\d+)\.conv(\d)(?:\.0)?\.(conv|bn)", r"blocks.[\1.\2].branch.<\3\4>"),
    (r"layer(\d)\.(\d+)\.conv(\d)\.([01])", r"blocks.[\1.\2].branch.<\3\4>"),
    (r"layer(\d)\.(\d+)\.(conv|bn)(\d)", r"blocks.[\1.\2].branch.<g\4\3>"),
    (B + r"layer(\d)\.(\d+)\.downsample\.(conv|bn)", r"blocks.[\1.\2].shortcut.<\3>"),
    (r"layer(\d)\.(\d+)\.down_?sample\.([01])", r"blocks.[\1.\2].shortcut.\3"),
    (r"(?:cls_head\.fc_cls|fc|out_fc)", "classify"),
)
VTN_RULES: Rules = ((r"backbone\.(.+)", r"backbone.\1"), (r"cls_token|temporal_encoder\..+|mlp_head\..+", ""))
TPN_ROWS = ("tpn-r50", "tpn-r101")
SLOW = SLOW_RULES, r"backbone\.", ("i3d-slow", *TPN_ROWS, "gta")  # its names, what they fill, and whom it fits
TPN = (*SLOW_RULES, *NECK_RULES), r"(backbone|neck|auxiliary\.convolve)\.", TPN_ROWS
CSN = CSN_RULES, r"(stem|blocks)\.", ("ircsn",)
VTN = VTN_RULES, r"backbone\.", ("vtn",)
IP_CSN = "ipCSN has a convolution 1 x 1 x 1 more in each block, which no model of Table 1 has"
FOLDED = "its batch norms were folded into fixed affine layers, which have no statistics to train with"
NO_TIME = (
    "its transformer over time has projections of the class token, token types and a norm of the embedding, which this "
    "one has not"
)
FUSION, C = r"level_fusion_op\.fusion_conv\.0\.weight", r"layer1\.0\.conv"

LAYOUTS = (
    Layout("mmaction2", "TPN", (r"neck\.level_fusion_1\.fusion_conv\.conv\.weight",), *TPN),
    Layout("decisionforce/TPN", "TPN", (r"necks\." + FUSION,), *TPN),
    Layout("GluonCV", "TPN", (r"TPN_neck\." + FUSION,), *TPN),
    Layout("mmaction2", "ipCSN", (B + C + r"2\.1\.conv\.weight",), refused=IP_CSN),
    Layout("mmaction2", "irCSN", (B + C + r"2\.0\.conv\.weight",), *CSN),
    Layout("VMZ", "ipCSN", (C + r"2\.0\.2\.weight",), refused=IP_CSN),
    Layout("VMZ", "irCSN", (r"stem\.0\.weight", C + r"2\.0\.weight", C + r"3\.0\.weight"), *CSN),
    Layout("GluonCV", "irCSN", (C + r"4\.weight", r"layer1\.0\.bn4\.running_mean"), *CSN),
    Layout("GluonCV", "irCSN", (C + r"4\.weight", r"out_fc\.weight"), refused=FOLDED),
    Layout("mmaction2", "SlowOnly", (B + C + r"1\.conv\.weight", B + C + r"2\.conv\.weight"), *SLOW),
    Layout("decisionforce/TPN", "SlowOnly", (r"backbone\." + C + r"1\.weight", r"cls_head\.fc_cls\.weight"), *SLOW),
    Layout("GluonCV", "SlowOnly", (C + r"1\.weight", r"layer1\.0\.bn1\.running_mean", r"fc\.weight"), *SLOW),
    Layout("bomri/SlowFast", "VTN", (r"temporal_encoder\.embeddings\.position_embeddings\.weight",), *VTN, NO_TIME),
)


def recognised(tensors: Mapping[str, Tensor]) -> Layout | None:
    """The layout of a file's tensors; None for a network for images, or one that is unknown."""
    names = [name for name, tensor in tensors.items() if tensor.dim() != 4]
    for layout in LAYOUTS:
        if all(any(re.fullmatch(mark, name) for name in names) for mark in layout.marks):
            return layout
    return None


def renamed(
    tensors: Mapping[str, Tensor], rules: Rules, *, known: Container[str]
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors by our names, and the names of those that have none of `known`, or one that is taken."""
    found: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, ours in _numbered({name: _rename(name, rules) for name in tensors}).items():
        if ours not in known or ours in found:
            unknown.append(name)
        elif ours:
            found[ours] = tensors[name]
    return found, unknown


def _rename(name: str, rules: Rules) -> str | None:
    """Our name; empty if the tensor is left out, None if no rule knows it."""
    matches = ((re.fullmatch(pattern, name), ours) for pattern, ours in rules)
    return next((match.expand(ours) for match, ours in matches if match is not None), None)


def _numbered(names: Mapping[str, str | None]) -> dict[str, str | None]:
    """The same with parts by our names, and [stage.block] counted through all stages."""
    found = (pair for ours in names.values() for pair in re.findall(r"\[(\d+)\.(\d+)\]", ours or ""))
    pairs = sorted({(int(stage), int(block)) for stage, block in found})
    place = {f"[{stage}.{block}]": str(number) for number, (stage, block) in enumerate(pairs)}
    place |= {f"<{part}>": ours for part, ours in NAMED.items()}
    token = re.compile(r"\[[\d.]+\]|<\w+>")
    return {name: ours and token.sub(lambda found: place.get(found[0], found[0]), ours) for name, ours in names.items()}
