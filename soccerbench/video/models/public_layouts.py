"""Layouts in which pretrained weights for video were published: rules from their names to ours.

The names are those of the modules in the public code: open-mmlab/mmaction2, decisionforce/TPN, facebookresearch/VMZ
(pt/vmz, whose blocks are torchvision's), dmlc/gluon-cv (gluoncv/torch) and bomri/SlowFast.

Conventions
    marks     a layout is recognised by these names, none of them a convolution for images
    rules     a pattern that a whole name matches, and our name; the first match counts; no name: left out
    [s.b]     block b of stage s, counted through all stages
    fills     our names that a file of this layout must give, all of them
    fits      our models that have the network, or its backbone
    partly    why the rest of the file has no counterpart, one to one
    refused   why nothing of it has
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
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


TPN_ROWS = ("tpn-r50", "tpn-r101")
SLOW_ROWS = ("i3d-slow", *TPN_ROWS, "gta")
OF_SLOW, OF_TPN, OF_CSN = r"backbone\.", r"(backbone|neck|auxiliary\.convolve)\.", r"(stem|blocks)\."
B = r"(?:backbone\.)?"  # backbones were published alone, too

SLOW_OF_TORCH: Rules = (
    (B + r"(conv1|bn1)\.(\w+)", r"backbone.\1.\2"),
    (B + r"(layer\d\.\d+\.(?:conv|bn)\d)\.(\w+)", r"backbone.\1.\2"),
    (B + r"(layer\d\.\d+\.downsample\.[01])\.(\w+)", r"backbone.\1.\2"),
    (r"(?:cls_head\.fc_cls|fc)\.(\w+)", r"classify.\1"),
)
SLOW_OF_MMACTION2: Rules = (
    (B + r"conv1\.conv\.(\w+)", r"backbone.conv1.\1"),
    (B + r"conv1\.bn\.(\w+)", r"backbone.bn1.\1"),
    (B + r"(layer\d\.\d+)\.conv(\d)\.conv\.(\w+)", r"backbone.\1.conv\2.\3"),
    (B + r"(layer\d\.\d+)\.conv(\d)\.bn\.(\w+)", r"backbone.\1.bn\2.\3"),
    (B + r"(layer\d\.\d+)\.downsample\.conv\.(\w+)", r"backbone.\1.downsample.0.\2"),
    (B + r"(layer\d\.\d+)\.downsample\.bn\.(\w+)", r"backbone.\1.downsample.1.\2"),
    (r"cls_head\.fc_cls\.(\w+)", r"classify.\1"),
)
N = r"(?:necks|TPN_neck)\."
NECK_OF_TORCH: Rules = (
    (N + r"spatial_modulation\.spatial_modulation\.0\.0\.conv\.(\w+)", r"neck.spatial.0.\1"),
    (N + r"spatial_modulation\.spatial_modulation\.0\.0\.bn\.(\w+)", r"neck.spatial.1.\1"),
    (N + r"temporal_modulation_ops\.([01])\.conv\.(\w+)", r"neck.temporal.\1.convolve.\2"),
    (N + r"downsampling_ops\.0\.conv\.(\w+)", r"neck.down.\1"),
    (N + r"level_fusion_op2\.ops\.([01])\.conv\.(\w+)", r"neck.top_down.levels.\1.0.\2"),
    (N + r"level_fusion_op2\.ops\.([01])\.norm\.(\w+)", r"neck.top_down.levels.\1.1.\2"),
    (N + r"level_fusion_op2\.fusion_conv\.([01])\.(\w+)", r"neck.top_down.join.\1.\2"),
    (N + r"level_fusion_op\.ops\.([01])\.conv\.(\w+)", r"neck.bottom_up.levels.\1.0.\2"),
    (N + r"level_fusion_op\.ops\.([01])\.norm\.(\w+)", r"neck.bottom_up.levels.\1.1.\2"),
    (N + r"level_fusion_op\.fusion_conv\.([01])\.(\w+)", r"neck.bottom_up.join.\1.\2"),
    (N + r"pyramid_fusion_op\.([01])\.(\w+)", r"neck.join.\1.\2"),
    (N + r"aux_head\.convs\.conv\.(\w+)", r"auxiliary.convolve.0.\1"),
    (N + r"aux_head\.convs\.bn\.(\w+)", r"auxiliary.convolve.1.\1"),
    (N + r"aux_head\.fc\.(\w+)", r"auxiliary.classify.\1"),
)
NECK_OF_MMACTION2: Rules = (
    (r"neck\.spatial_modulation\.spatial_modulation\.0\.0\.conv\.(\w+)", r"neck.spatial.0.\1"),
    (r"neck\.spatial_modulation\.spatial_modulation\.0\.0\.bn\.(\w+)", r"neck.spatial.1.\1"),
    (r"neck\.temporal_modulation_ops\.([01])\.conv\.conv\.(\w+)", r"neck.temporal.\1.convolve.\2"),
    (r"neck\.downsample_ops\.0\.conv\.conv\.(\w+)", r"neck.down.\1"),
    (r"neck\.level_fusion_1\.downsamples\.([01])\.conv\.conv\.(\w+)", r"neck.top_down.levels.\1.0.\2"),
    (r"neck\.level_fusion_1\.downsamples\.([01])\.conv\.bn\.(\w+)", r"neck.top_down.levels.\1.1.\2"),
    (r"neck\.level_fusion_1\.fusion_conv\.conv\.(\w+)", r"neck.top_down.join.0.\1"),
    (r"neck\.level_fusion_1\.fusion_conv\.bn\.(\w+)", r"neck.top_down.join.1.\1"),
    (r"neck\.level_fusion_2\.downsamples\.([01])\.conv\.conv\.(\w+)", r"neck.bottom_up.levels.\1.0.\2"),
    (r"neck\.level_fusion_2\.downsamples\.([01])\.conv\.bn\.(\w+)", r"neck.bottom_up.levels.\1.1.\2"),
    (r"neck\.level_fusion_2\.fusion_conv\.conv\.(\w+)", r"neck.bottom_up.join.0.\1"),
    (r"neck\.level_fusion_2\.fusion_conv\.bn\.(\w+)", r"neck.bottom_up.join.1.\1"),
    (r"neck\.pyramid_fusion\.conv\.(\w+)", r"neck.join.0.\1"),
    (r"neck\.pyramid_fusion\.bn\.(\w+)", r"neck.join.1.\1"),
    (r"neck\.aux_head\.conv\.conv\.(\w+)", r"auxiliary.convolve.0.\1"),
    (r"neck\.aux_head\.conv\.bn\.(\w+)", r"auxiliary.convolve.1.\1"),
    (r"neck\.aux_head\.fc\.(\w+)", r"auxiliary.classify.\1"),
)
CSN_OF_MMACTION2: Rules = (
    (B + r"conv1\.conv\.(\w+)", r"stem.0.\1"),
    (B + r"conv1\.bn\.(\w+)", r"stem.1.\1"),
    (B + r"layer(\d)\.(\d+)\.conv1\.conv\.(\w+)", r"blocks.[\1.\2].branch.0.\3"),
    (B + r"layer(\d)\.(\d+)\.conv1\.bn\.(\w+)", r"blocks.[\1.\2].branch.1.\3"),
    (B + r"layer(\d)\.(\d+)\.conv2\.0\.conv\.(\w+)", r"blocks.[\1.\2].branch.3.\3"),
    (B + r"layer(\d)\.(\d+)\.conv2\.0\.bn\.(\w+)", r"blocks.[\1.\2].branch.4.\3"),
    (B + r"layer(\d)\.(\d+)\.conv3\.conv\.(\w+)", r"blocks.[\1.\2].branch.6.\3"),
    (B + r"layer(\d)\.(\d+)\.conv3\.bn\.(\w+)", r"blocks.[\1.\2].branch.7.\3"),
    (B + r"layer(\d)\.(\d+)\.downsample\.conv\.(\w+)", r"blocks.[\1.\2].shortcut.0.\3"),
    (B + r"layer(\d)\.(\d+)\.downsample\.bn\.(\w+)", r"blocks.[\1.\2].shortcut.1.\3"),
    (r"cls_head\.fc_cls\.(\w+)", r"classify.\1"),
)
CSN_OF_VMZ: Rules = (
    (r"stem\.([01])\.(\w+)", r"stem.\1.\2"),
    (r"layer(\d)\.(\d+)\.conv1\.([01])\.(\w+)", r"blocks.[\1.\2].branch.\3.\4"),
    (r"layer(\d)\.(\d+)\.conv2\.0\.(\w+)", r"blocks.[\1.\2].branch.3.\3"),
    (r"layer(\d)\.(\d+)\.conv2\.1\.(\w+)", r"blocks.[\1.\2].branch.4.\3"),
    (r"layer(\d)\.(\d+)\.conv3\.0\.(\w+)", r"blocks.[\1.\2].branch.6.\3"),
    (r"layer(\d)\.(\d+)\.conv3\.1\.(\w+)", r"blocks.[\1.\2].branch.7.\3"),
    (r"layer(\d)\.(\d+)\.downsample\.([01])\.(\w+)", r"blocks.[\1.\2].shortcut.\3.\4"),
    (r"fc\.(\w+)", r"classify.\1"),
)
CSN_OF_GLUONCV: Rules = (
    (r"conv1\.(\w+)", r"stem.0.\1"),
    (r"bn1\.(\w+)", r"stem.1.\1"),
    (r"layer(\d)\.(\d+)\.conv1\.(\w+)", r"blocks.[\1.\2].branch.0.\3"),
    (r"layer(\d)\.(\d+)\.bn1\.(\w+)", r"blocks.[\1.\2].branch.1.\3"),
    (r"layer(\d)\.(\d+)\.conv3\.(\w+)", r"blocks.[\1.\2].branch.3.\3"),
    (r"layer(\d)\.(\d+)\.bn3\.(\w+)", r"blocks.[\1.\2].branch.4.\3"),
    (r"layer(\d)\.(\d+)\.conv4\.(\w+)", r"blocks.[\1.\2].branch.6.\3"),
    (r"layer(\d)\.(\d+)\.bn4\.(\w+)", r"blocks.[\1.\2].branch.7.\3"),
    (r"layer(\d)\.(\d+)\.down_sample\.([01])\.(\w+)", r"blocks.[\1.\2].shortcut.\3.\4"),
    (r"out_fc\.(\w+)", r"classify.\1"),
)
VTN_OF_BOMRI: Rules = (
    (r"backbone\.(.+)", r"backbone.\1"),
    (r"cls_token|temporal_encoder\..+|mlp_head\..+", ""),
)
IP_CSN = "ipCSN has a convolution 1 x 1 x 1 more in each block, which no model of Table 1 has"

LAYOUTS = (
    Layout(
        "mmaction2", "TPN", (r"neck\.level_fusion_1\.fusion_conv\.conv\.weight",),
        (*SLOW_OF_MMACTION2, *NECK_OF_MMACTION2), OF_TPN, TPN_ROWS,
    ),
    Layout(
        "decisionforce/TPN", "TPN", (r"necks\.level_fusion_op\.fusion_conv\.0\.weight",),
        (*SLOW_OF_TORCH, *NECK_OF_TORCH), OF_TPN, TPN_ROWS,
    ),
    Layout(
        "GluonCV", "TPN", (r"TPN_neck\.level_fusion_op\.fusion_conv\.0\.weight",),
        (*SLOW_OF_TORCH, *NECK_OF_TORCH), OF_TPN, TPN_ROWS,
    ),
    Layout("mmaction2", "ipCSN", (B + r"layer1\.0\.conv2\.1\.conv\.weight",), refused=IP_CSN),
    Layout("mmaction2", "irCSN", (B + r"layer1\.0\.conv2\.0\.conv\.weight",), CSN_OF_MMACTION2, OF_CSN, ("ircsn",)),
    Layout("VMZ", "ipCSN", (r"layer1\.0\.conv2\.0\.2\.weight",), refused=IP_CSN),
    Layout(
        "VMZ", "irCSN", (r"stem\.0\.weight", r"layer1\.0\.conv2\.0\.weight", r"layer1\.0\.conv3\.0\.weight"),
        CSN_OF_VMZ, OF_CSN, ("ircsn",),
    ),
    Layout(
        "GluonCV", "irCSN", (r"layer1\.0\.conv4\.weight", r"layer1\.0\.bn4\.running_mean"),
        CSN_OF_GLUONCV, OF_CSN, ("ircsn",),
    ),
    Layout(
        "GluonCV", "irCSN", (r"layer1\.0\.conv4\.weight", r"out_fc\.weight"),
        refused="its batch norms were folded into fixed affine layers, which have no statistics to train with",
    ),
    Layout(
        "mmaction2", "SlowOnly", (B + r"layer1\.0\.conv1\.conv\.weight", B + r"layer1\.0\.conv2\.conv\.weight"),
        SLOW_OF_MMACTION2, OF_SLOW, SLOW_ROWS,
    ),
    Layout(
        "decisionforce/TPN", "SlowOnly", (r"backbone\.layer1\.0\.conv1\.weight", r"cls_head\.fc_cls\.weight"),
        SLOW_OF_TORCH, OF_SLOW, SLOW_ROWS,
    ),
    Layout(
        "GluonCV", "SlowOnly", (r"layer1\.0\.conv1\.weight", r"layer1\.0\.bn1\.running_mean", r"fc\.weight"),
        SLOW_OF_TORCH, OF_SLOW, SLOW_ROWS,
    ),
    Layout(
        "bomri/SlowFast", "VTN", (r"temporal_encoder\.embeddings\.position_embeddings\.weight",),
        VTN_OF_BOMRI, OF_SLOW, ("vtn",),
        partly="its transformer over time has projections of the class token, token types and a norm of the embedding, "
        "which this one has not",
    ),
)  # fmt: skip


def recognised(tensors: Mapping[str, Tensor]) -> Layout | None:
    """The layout of a file's tensors; None for a network for images, or one that is unknown."""
    names = [name for name, tensor in tensors.items() if tensor.dim() != 4]
    return next((layout for layout in LAYOUTS if all(_any_matches(mark, names) for mark in layout.marks)), None)


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
    """The same with [stage.block] counted through all stages."""
    pairs = {pair for ours in names.values() for pair in re.findall(r"\[(\d+)\.(\d+)\]", ours or "")}
    place = {f"[{stage}.{block}]": str(n) for n, (stage, block) in enumerate(sorted(pairs, key=_as_numbers))}
    return {name: ours and re.sub(r"\[[\d.]+\]", lambda found: place[found[0]], ours) for name, ours in names.items()}


def _as_numbers(pair: tuple[str, str]) -> tuple[int, int]:
    return int(pair[0]), int(pair[1])


def _any_matches(mark: str, names: Iterable[str]) -> bool:
    return any(re.fullmatch(mark, name) for name in names)
