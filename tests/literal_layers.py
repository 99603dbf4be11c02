"""Layers computed frame by frame and head by head from a module's weights, as their publications write them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Literal:
    """The weights of a module by their names; frames are (T, C).

    Args:
        module: whose parameters, so that gradients reach them.
    """

    def __init__(self, module: nn.Module) -> None:
        self.weights = dict(module.named_parameters())

    def linear(self, name: str, x: Tensor) -> Tensor:
        """A layer of each frame."""
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, name: str, x: Tensor, *, epsilon: float = 1e-5) -> Tensor:
        """Layer normalisation of each frame."""
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + epsilon).sqrt()
        return centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """A convolution that keeps the length, with zeros outside; depthwise where the kernel is."""
        kernel, found = self.weights[f"{name}.weight"], []
        depthwise, reach = kernel.shape[1] < x.shape[1], kernel.shape[2] // 2
        for at in range(len(x)):
            total = self.weights[f"{name}.bias"]
            for tap in range(kernel.shape[2]):
                if 0 <= at + tap - reach < len(x):
                    frame = x[at + tap - reach]
                    total = total + (kernel[:, 0, tap] * frame if depthwise else kernel[:, :, tap] @ frame)
            found.append(total)
        return torch.stack(found)

    def attend(self, name: str, x: Tensor, to: Tensor, *, heads: int, apart: Tensor | None = None) -> Tensor:
        """Each query of `x` over the tokens of `to` but those that are `apart` from it, head by head."""
        weight, bias = self.weights[f"{name}.in_proj_weight"], self.weights[f"{name}.in_proj_bias"]
        width = x.shape[1]
        query, key, value = (
            given @ weight[part * width : (part + 1) * width].T + bias[part * width : (part + 1) * width]
            for part, given in enumerate((x, to, to))
        )
        size, rows = width // heads, []
        for at in range(len(x)):
            seen = torch.ones(len(to), dtype=torch.bool) if apart is None else ~apart[at]
            parts = []
            for head in range(heads):
                columns = slice(head * size, (head + 1) * size)
                exponent = (key[seen][:, columns] @ query[at, columns] / size**0.5).exp()
                parts.append(exponent / exponent.sum() @ value[seen][:, columns])
            rows.append(torch.cat(parts))
        return self.linear(f"{name}.out_proj", torch.stack(rows))


def gelu(x: Tensor) -> Tensor:
    """x times the share of a normal distribution below it."""
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def pooled(x: Tensor) -> Tensor:
    """The larger of each two frames; a last odd one is kept."""
    return torch.stack([x[at : at + 2].amax(0) for at in range(0, len(x), 2)])


def twice(x: Tensor) -> Tensor:
    """Two frames a row: row k is at k + 1/2 and frame n at (2n + 1)/4, on the line through the nearest two rows."""
    found = []
    for frame in range(2 * len(x)):
        at = (2 * frame + 1) / 4 - 0.5
        low = min(max(int(at // 1), 0), len(x) - 2)
        found.append((1 - (at - low)) * x[low] + (at - low) * x[low + 1])
    return torch.stack(found)
