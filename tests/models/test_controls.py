"""Standardisation in front of a head, and the head that sees nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from soccerbench.models.constant import Constant
from soccerbench.models.sliding import Standardised, centred_windows, slide


class Sum(nn.Module):
    """Features (B, T, C) summed over time; without a `slide`."""

    def forward(self, features: Tensor) -> Tensor:
        return features.sum(dim=1)


def test_each_block_has_its_own_mean_and_deviation() -> None:
    model = Standardised(Sum(), widths=[2, 1], means=[1.0, -1.0], deviations=[2.0, 0.5])
    features = torch.tensor([[[3.0, 5.0, 0.0], [1.0, 1.0, -1.0]]])
    assert model(features).tolist() == [[1.0, 2.0, 2.0]]
    assert set(model.state_dict()) == {"mean", "deviation"}


@pytest.mark.parametrize("window_frames", [1, 4, 7, 30])
def test_a_head_without_slide_is_slid_window_by_window(window_frames: int) -> None:
    features = torch.randn(11, 3, generator=torch.Generator().manual_seed(0))
    windows = features[centred_windows(11, window_frames)]
    torch.testing.assert_close(slide(Sum(), features, window_frames), windows.sum(dim=1), rtol=0, atol=1e-5)
    model = Standardised(Sum(), widths=[3], means=[0.5], deviations=[2.0]).eval()
    torch.testing.assert_close(model.slide(features, window_frames), model(windows), rtol=0, atol=1e-5)


def test_the_constant_head_sees_nothing() -> None:
    head = Constant(width=5)
    nn.init.normal_(head.logits)
    scores = head(torch.randn(4, 7, 5))
    assert scores.shape == (4, 18)
    assert torch.equal(scores, head(torch.zeros(4, 7, 5)))
    assert sum(value.numel() for value in head.parameters()) == 18
