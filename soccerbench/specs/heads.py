"""The heads that a row can name, one entry each.

To add a spotting head, write its module in `models/`, with the sizes as keywords of its constructor, and add its entry
with their types here. A dense head is in `models/dense/` and scores all frames of a chunk. A grounding head is a task
in `tasks/` that makes its own module, and a type of row.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, model_validator
from typing_extensions import Self

from soccerbench.specs.base import BaseRow, Count, Frozen, Share, TransformerSizes
from soccerbench.specs.grounding import CmnRow, FasterTadRow, GroundingTransformerRow, NaiveRow


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError(f"kernel {kernel} is even and has no centre")
    return kernel


Kernel = Annotated[int, Field(gt=0, le=99), AfterValidator(_odd)]
Projections = tuple[Count, ...]
Widths = Annotated[tuple[Annotated[int, Field(gt=0, multiple_of=4)], ...], Field(min_length=2, max_length=10)]


class Attention(Frozen):
    """Sizes of a head with attention."""

    d_model: Count
    heads: Count

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} must be divisible by its {self.heads} heads")
        return self


def sizes(base: type[Frozen] = Frozen, /, **kinds: Any) -> type[Frozen]:
    """The type of a row's `architecture`; every size must be given."""
    fields: Any = {name: (kind, ...) for name, kind in kinds.items()}
    return create_model("Sizes", __base__=base, **fields)


def load_source(source: str) -> type[Any]:
    """Import the class "module:Class"."""
    module, _, name = source.partition(":")
    found: type[Any] = getattr(import_module(module), name)
    return found


@dataclass(frozen=True)
class Head:
    """A head."""

    task: Literal["spotting", "grounding"]  # what it is for
    source: str  # "module:Class" of its torch module (spotting) or of its task (grounding), imported on first use
    keys: type[Frozen]  # the type of a row's `architecture` (spotting) or of the row (grounding)
    is_dense: bool = False  # whether it scores every frame of a chunk instead of one window

    @property
    def module(self) -> str:
        """The dotted name of the module that holds it."""
        return self.source.partition(":")[0]

    def load(self) -> type[Any]:
        """Import its class."""
        return load_source(self.source)


_DENSE = "soccerbench.models.dense"
HEADS: dict[str, Head] = {
    "netvlad++": Head(
        "spotting", "soccerbench.models.netvlad:NetVLADpp",
        sizes(clusters=Annotated[int, Field(gt=1, multiple_of=2)], projection=Count, dropout=Share),
    ),
    "transformer": Head("spotting", "soccerbench.models.transformer:SpottingTransformer", TransformerSizes),
    "resnet1d": Head(
        "spotting", "soccerbench.models.resnet1d:ResNet1D",
        sizes(channels=Count, blocks=Count, kernel=Kernel, dropout=Share),
    ),
    "bigru": Head("spotting", f"{_DENSE}.bigru:BiGru", sizes(hidden=Count, layers=Count, dropout=Share), is_dense=True),
    "unet": Head("spotting", f"{_DENSE}.unet:UNet", sizes(projections=Projections, widths=Widths), is_dense=True),
    "unet_transformer": Head(
        "spotting", f"{_DENSE}.unet_transformer:UNetTransformer", sizes(TransformerSizes, projections=Projections),
        is_dense=True,
    ),
    "tdeed": Head(
        "spotting", f"{_DENSE}.tdeed:Tdeed",
        sizes(d_model=Count, levels=Annotated[int, Field(gt=0, le=8)], kernel=Kernel, ratio=Count), is_dense=True,
    ),
    "astra": Head(
        "spotting", f"{_DENSE}.astra:Astra",
        sizes(Attention, feedforward=Count, decoder_layers=Count, dropout=Share, block_dropout=Share, drop=Share,
              switch=Share), is_dense=True,
    ),
    "ste": Head(
        "spotting", "soccerbench.models.ste:STE",
        sizes(columns=Count, projection=Count, channels=tuple[Count, Count, Count, Count], dropout=Share,
              last_dropout=Share),
    ),
    "constant": Head("spotting", "soccerbench.models.constant:Constant", Frozen),
    "cmn": Head("grounding", "soccerbench.tasks.cmn:CmnTask", CmnRow),
    "grounding-transformer": Head(
        "grounding", "soccerbench.tasks.grounding_transformer:GroundingTransformerTask", GroundingTransformerRow
    ),
    "faster-tad": Head("grounding", "soccerbench.tasks.faster_tad:FasterTadTask", FasterTadRow),
    "naive": Head("grounding", "soccerbench.tasks.naive:NaiveTask", NaiveRow),
}  # fmt: skip


def heads_for(task: str) -> dict[str, Head]:
    """The heads of one task by name."""
    return {name: head for name, head in HEADS.items() if head.task == task}


def load_head(row: BaseRow) -> type[Any]:
    """The class of a row's head, which is one of this package."""
    return HEADS[row.head].load()
