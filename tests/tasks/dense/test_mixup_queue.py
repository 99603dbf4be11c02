"""The class-balanced mix-up: partners are earlier chunks of the drawn class, and shares follow their distribution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from soccerbench.specs.dense import MixupQueue
from soccerbench.tasks.dense.mixup_queue import mixed_with_earlier

RECIPE = MixupQueue(per_class=2, alpha=1, beta=0.6)


class Batch(NamedTuple):
    features: Tensor  # (B, 1, 1): 1 for the first batch, 10 for the second, 100 for the third
    targets: Tensor  # (B, 1, 18)


def batches(label: int, count: int = 3) -> list[Batch]:
    targets = torch.zeros(4, 1, 18)
    targets[..., 1 + label] = 1
    return [Batch(torch.full((4, 1, 1), 10.0**number), targets) for number in range(count)]


def test_the_first_chunks_have_no_partner_and_later_ones_an_earlier_chunk() -> None:
    first, *_ = mixed_with_earlier(iter(batches(3)), RECIPE, np.random.default_rng(0))
    assert torch.equal(first.features, batches(3)[0].features)
    mixed = 0
    for seed in range(60):
        _, second, third = mixed_with_earlier(iter(batches(3)), RECIPE, np.random.default_rng(seed))
        assert ((second.features >= 1) & (second.features <= 10)).all()
        assert ((third.features >= 10) & (third.features <= 100)).all()  # the queue keeps two, both of the second batch
        mixed += int((second.features < 10).sum())
    assert 4 < mixed < 30  # of 240: one in 17 draws the class


def test_targets_are_mixed_by_the_share_of_the_features() -> None:
    shares = []
    for seed in range(300):
        _, second = mixed_with_earlier(iter(batches(3)[:1] + batches(5)[1:2]), RECIPE, np.random.default_rng(seed))
        for features, targets in zip(second.features.ravel(), second.targets, strict=True):
            own = (features.item() - 1) / 9
            np.testing.assert_allclose([targets[0, 6], targets[0, 4]], [own, 1 - own], rtol=0, atol=1e-5)
            shares += [own] if own < 1 else []
    assert abs(np.mean(shares) - 1 / 1.6) < 0.12  # of Beta(1, 0.6)
