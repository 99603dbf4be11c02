"""Wide convolutions of short clips through their spectra.

A kernel of 40 frames over a chunk of 120 costs forty products a frame and channel pair; through spectra it costs two.
On a CPU that makes a training step of Cmn about twice as fast. The sums are the same up to rounding.

Conventions
    correlate  out[t] = sum over k of frames[t + k] · kernel[k], what PyTorch calls a convolution
    waves      spectrum of real numbers, frequency first: (F, …), so that channels are summed by one matrix product each
"""

from __future__ import annotations

from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def correlate(frames: Tensor, kernels: Tensor) -> Tensor:
    """`conv1d` without padding: frames (B, in, L) and kernels (out, in, K) to (B, out, L - K + 1).

    Args:
        frames: float32 or float64.
        kernels: of the same type.

    Raises:
        ValueError: fewer frames than the kernels are long.
    """
    if frames.shape[-1] < kernels.shape[-1]:
        raise ValueError(f"{frames.shape[-1]} frames for kernels of {kernels.shape[-1]}: pad them first")
    correlated: Tensor = _Correlation.apply(frames, kernels)
    return correlated


class _Correlation(torch.autograd.Function):
    """The product of spectra; its gradients are two more such products."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, kernels: Tensor) -> Tensor:
        ctx.lengths = length, width = frames.shape[-1], kernels.shape[-1]
        ctx.period = fast_period(length)
        frame_waves, kernel_waves = (waves(values, ctx.period) for values in (frames, kernels))
        ctx.save_for_backward(frame_waves, kernel_waves)  # (F, B, in), (F, out, in)
        return unwaved(frame_waves @ kernel_waves.mH, ctx.period)[..., : length - width + 1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (length, width), (frame_waves, kernel_waves) = ctx.lengths, ctx.saved_tensors
        gradient_waves = waves(gradient, ctx.period)  # (F, B, out)
        of_frames = unwaved(gradient_waves @ kernel_waves, ctx.period)[..., :length]
        of_kernels = unwaved(gradient_waves.mH @ frame_waves, ctx.period)[..., :width]
        return of_frames, of_kernels


def waves(values: Tensor, period: int) -> Tensor:
    """The spectrum of (N, M, L), filled up with zeros to the period: (F, N, M)."""
    spectrum: Tensor = torch.fft.rfft(values, period)
    return spectrum.permute(2, 0, 1).contiguous()


def unwaved(spectrum: Tensor, period: int) -> Tensor:
    """One period (N, M, period) of a spectrum (F, N, M)."""
    values: Tensor = torch.fft.irfft(spectrum.permute(1, 2, 0).contiguous(), period)
    return values


def fast_period(length: int) -> int:
    """The next even length that has no prime factor above 5, for which a transform is fast."""
    return next(period for period in count(length + length % 2, 2) if 30 ** period.bit_length() % period == 0)
