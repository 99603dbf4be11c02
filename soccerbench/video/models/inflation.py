"""Networks for images, inflated to networks for video.

A convolution (O, I, k, k) becomes one of (O, I, t, k, k). Its weights, where it is to begin as the network for images,
go to the middle of the t taps and the others are zero: then a still video gives, at every frame, what the image
gives, whatever the padding of the clip. (Carreira and Zisserman, 2017, spread them evenly instead, which
holds only where the clip is continued beyond its ends.)
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from timm.models.resnet import ResNet
from torch import Tensor, nn


def resnet(name: str) -> ResNet:
    """A ResNet of timm for images, such as "resnet50", without its classifier, fresh weights."""
    model = timm.create_model(name, num_classes=0, global_pool="") if timm.is_model(name) else None
    if not isinstance(model, ResNet):
        raise ValueError(f"backbone {name!r}: timm knows no ResNet of this name; give one such as resnet50")
    return model


def inflate(module: nn.Module, *, taps: dict[str, int] | None = None) -> None:
    """Turn the layers inside `module` into layers for video (B, C, T, H, W), in place, with fresh weights.

    Convolutions, batch norms and pools become three-dimensional, with an extent of one in time. `taps`: name of a
    convolution in its block -> how many frames it spans instead, an odd number.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, _convolution(child, (taps or {}).get(name, 1)))
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.BatchNorm3d(child.num_features, eps=child.eps, momentum=child.momentum))
            getattr(module, name).load_state_dict(child.state_dict())
        elif isinstance(child, nn.MaxPool2d | nn.AvgPool2d):
            setattr(module, name, _pool(child))
        else:
            inflate(child, taps=taps)


def inflate_weight(weight: Tensor, shape: torch.Size) -> Tensor:
    """A convolution's weight (O, I, k, k) as (O, I, t, k, k), all of it in the middle tap."""
    if len(shape) != 5 or weight.shape != (*shape[:2], *shape[3:]):
        raise ValueError(f"a weight {tuple(weight.shape)} cannot be inflated to {tuple(shape)}")
    inflated = weight.new_zeros(shape)
    inflated[:, :, shape[2] // 2] = weight
    return inflated


def _convolution(flat: Any, taps: int) -> nn.Conv3d:
    sizes = (taps, *flat.kernel_size), (1, *flat.stride), (taps // 2, *flat.padding)
    has_bias = flat.bias is not None
    convolution = nn.Conv3d(flat.in_channels, flat.out_channels, *sizes, groups=flat.groups, bias=has_bias)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution


def _pool(flat: Any) -> nn.MaxPool3d | nn.AvgPool3d:
    """A pool in space alone; timm's are square."""
    sizes = (1, *[flat.kernel_size] * 2), (1, *[flat.stride] * 2), (0, *[flat.padding] * 2)
    if isinstance(flat, nn.MaxPool2d):
        return nn.MaxPool3d(*sizes, ceil_mode=flat.ceil_mode)
    return nn.AvgPool3d(*sizes, ceil_mode=flat.ceil_mode, count_include_pad=flat.count_include_pad)
