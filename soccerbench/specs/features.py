"""Feature blocks and the sets that rows name.

Conventions
    block   one video model's features: a range of columns of one file a half
    columns blocks of one file follow each other in the order of `features.yaml`
    own-*   the block of a custom video model: a file, `own_*.npy`, whose width is in the dataset's `features.json`
    +       joins sets and blocks: `five+own-difference`
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from soccerbench.errors import did_you_mean
from soccerbench.specs.shipped import shipped
from soccerbench.specs.yaml_file import checked, read_yaml

OWN = re.compile(r"(mega-)?own(-[a-z0-9]+)+")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Block(_Frozen):
    """One video model's features: file name (without the half's number), width and rate."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+\.npy$")]
    width: Annotated[int, Field(gt=0, le=10**6)]
    fps: Annotated[int, Field(gt=0, le=1000)]
    released: bool = True


class Features(_Frozen):
    """Every block and every set of blocks."""

    blocks: dict[str, Block]
    sets: dict[str, tuple[str, ...]]


@cache
def load_features() -> Features:
    """The shipped `features.yaml`."""
    file = shipped("reproduce") / "features.yaml"
    return checked(Features, read_yaml(file), file)


def blocks_of(features: str, *, mega: bool) -> tuple[str, ...]:
    """The block names of a set, of a single block, or of several with `+` between, in order.

    Args:
        mega: the mega variants of all of them.
    """
    known = load_features()
    names: tuple[str, ...] = ()
    for part in features.split("+"):
        if part not in known.sets and part not in known.blocks and not is_own(part):
            raise ValueError(
                f"features: unknown set {part!r}{did_you_mean(part, [*known.sets, *known.blocks])}; "
                f"known sets: {', '.join(known.sets)}; your own blocks begin with own-"
            )
        names += known.sets.get(part, (part,))
    if mega:
        names = tuple(f"mega-{name}" for name in names)
    unknown = [name for name in names if name not in known.blocks and not is_own(name)]
    if unknown:
        near = did_you_mean(unknown[0], known.blocks)
        raise ValueError(f"unknown block {unknown[0]!r}{near}; known blocks: {', '.join(known.blocks)}")
    if len(set(names)) < len(names):
        raise ValueError(f"features {features!r} name a block twice")
    rates = {fps_of(name) for name in names}
    if len(rates) > 1:
        raise ValueError(f"features {features!r} mix rates of {sorted(rates)} per second; use blocks of one rate")
    return names


def is_own(block: str) -> bool:
    """Whether a block is that of a custom video model, which is not in `features.yaml`."""
    return OWN.fullmatch(block) is not None


def fps_of(block: str) -> int:
    """Rows per second of a block, unless the dataset's `features.json` gives another rate."""
    return 1 if is_own(block) else load_features().blocks[block].fps


def file_of(block: str) -> str:
    """The name of a block's file, without the half's number."""
    return single_file(block) if is_own(block) else load_features().blocks[block].file


def single_file(block: str) -> str:
    """The name of the file that holds one block alone, as `extract` writes it, without the half's number."""
    return f"{block.replace('-', '_')}.npy"
