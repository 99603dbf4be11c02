"""Whether products are computed in bfloat16."""

from __future__ import annotations

import torch

from soccerbench.specs.base import Precision


def in_bfloat16(precision: Precision, device: str) -> bool:
    """Whether a precision means bfloat16 on a kind of device, "cpu" or "cuda": "auto" does on a GPU alone.

    Raises:
        ValueError: bfloat16 on a processor that has no such products.
    """
    if precision == "bfloat16" and device == "cpu" and not multiplies_bfloat16():
        raise ValueError("precision is bfloat16, but this processor has no such products; give auto or float32")
    return precision == "bfloat16" or (precision == "auto" and device == "cuda")


def autocast(precision: Precision, device: str) -> torch.autocast:
    """Computes in a precision on a kind of device; errors are those of `in_bfloat16`."""
    return torch.autocast(device, torch.bfloat16, enabled=in_bfloat16(precision, device))


def multiplies_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 here; without it such a product takes many times as long."""
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
