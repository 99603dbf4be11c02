"""Convolutions through spectra are convolutions, their gradients too."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv1d

from soccerbench.models.cmn import Pyramid, SameConv1d
from soccerbench.models.spectral import correlate, fast_period


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("frames", "kernel"), [(1, 1), (7, 7), (8, 3), (159, 40), (319, 80), (20, 1)])
def test_it_is_conv1d(frames: int, kernel: int) -> None:
    values, kernels = draw(3, 4, frames), draw(5, 4, kernel, seed=1)
    expected = conv1d(values, kernels)
    torch.testing.assert_close(correlate(values, kernels), expected, rtol=0, atol=1e-11)
    single = correlate(values.float(), kernels.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_by_hand() -> None:
    frames, kernels = torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[[10.0, 1.0]]])
    torch.testing.assert_close(correlate(frames, kernels), torch.tensor([[[12.0, 24.0]]]), rtol=0, atol=1e-5)


def test_gradients() -> None:
    values, kernels = draw(2, 3, 11).requires_grad_(), draw(4, 3, 5, seed=1).requires_grad_()
    torch.autograd.gradcheck(correlate, (values, kernels))


def test_too_few_frames() -> None:
    with pytest.raises(ValueError, match="4 frames for kernels of 5"):
        correlate(draw(1, 1, 4), draw(1, 1, 5))


@pytest.mark.parametrize(("length", "period"), [(1, 2), (7, 8), (13, 16), (159, 160), (161, 162), (319, 320)])
def test_periods(length: int, period: int) -> None:
    assert fast_period(length) == period


def test_a_pyramid_is_its_convolutions_side_by_side() -> None:
    torch.manual_seed(0)
    pyramid = Pyramid(SameConv1d(3, out, kernel) for out, kernel in ((4, 2), (2, 5), (1, 10))).double()
    frames = draw(2, 3, 30).requires_grad_()
    wanted = torch.cat([scale(frames) for scale in pyramid], dim=1)
    found = pyramid(frames)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    given = draw(*wanted.shape, seed=2)
    inputs = [frames, *pyramid.parameters()]
    for one, other in zip(
        torch.autograd.grad(found, inputs, given), torch.autograd.grad(wanted, inputs, given), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)
