"""The class-balanced mix-up of ASTRA (Xarles et al., 2023): chunks are blended with earlier ones of a random class."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.dense import MixupQueue

BatchT = TypeVar("BatchT", bound=tuple[Tensor, ...])


def mixed_with_earlier(batches: Iterator[BatchT], recipe: MixupQueue, rng: np.random.Generator) -> Iterator[BatchT]:
    """Blend each chunk with one of the last few of a class that is drawn for it, if there is one yet.

    Args:
        batches: features first, then targets (B, T', K), the last 17 columns of the classes.
    """
    earlier: list[deque[tuple[Tensor, ...]]] = [deque(maxlen=recipe.per_class) for _ in CLASSES]
    for batch in batches:
        chunks = [tuple(values[number] for values in batch) for number in range(len(batch[0]))]
        mixed = [_mixed(chunk, earlier[rng.integers(len(CLASSES))], recipe, rng) for chunk in chunks]
        for chunk in chunks:
            for label in chunk[1][:, -len(CLASSES) :].any(dim=0).nonzero().ravel().tolist():
                earlier[label].append(chunk)
        yield batch._make(map(torch.stack, zip(*mixed, strict=True)))  # type: ignore[attr-defined]


def _mixed(
    chunk: tuple[Tensor, ...], others: deque[tuple[Tensor, ...]], recipe: MixupQueue, rng: np.random.Generator
) -> tuple[Tensor, ...]:
    share = float(rng.beta(recipe.alpha, recipe.beta))
    if not others:
        return tuple(values.float() for values in chunk)
    other = others[int(rng.integers(len(others)))]
    return tuple(share * mine.float() + (1 - share) * values.float() for mine, values in zip(chunk, other, strict=True))
