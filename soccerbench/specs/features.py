"""Feature blocks and the sets that rows name.

Conventions
    block   one extractor's features: a range of columns of one file a half
    columns blocks of one file lie side by side, in the order in which `features.yaml` lists them
"""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from soccerbench.specs.errors import SpecError
from soccerbench.specs.locate import shipped
from soccerbench.specs.yaml_file import read_yaml


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Block(_Frozen):
    """One extractor's features: their file (below each half's number), width and rate."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+\.npy$")]
    width: Annotated[int, Field(gt=0)]
    fps: Annotated[int, Field(gt=0)]
    released: bool = True


class Features(_Frozen):
    """Every block and every set of blocks."""

    blocks: dict[str, Block]
    sets: dict[str, tuple[str, ...]]


@cache
def load_features() -> Features:
    """The shipped `features.yaml`."""
    file = shipped("reproduce") / "features.yaml"
    try:
        return Features.model_validate(read_yaml(file))
    except ValidationError as error:
        raise SpecError(file, str(error.errors()[0]["msg"])) from None


def blocks_of(features: str, *, mega: bool) -> tuple[str, ...]:
    """The block names of a set, or of a single block, in order; with `mega`, their mega variants.

    Raises:
        ValueError: no such set or block, a block without a mega variant, or blocks of different rates.
    """
    known = load_features()
    names = known.sets.get(features) or ((features,) if features in known.blocks else ())
    if not names:
        raise ValueError(f"unknown features {features!r}; known sets: {', '.join(known.sets)}")
    if mega:
        names = tuple(f"mega-{name}" for name in names)
    unknown = [name for name in names if name not in known.blocks]
    if unknown:
        raise ValueError(f"unknown block {unknown[0]!r}; known blocks: {', '.join(known.blocks)}")
    rates = {known.blocks[name].fps for name in names}
    if len(rates) > 1:
        raise ValueError(f"features {features!r} mix rates of {sorted(rates)} per second; use blocks of one rate")
    return names
