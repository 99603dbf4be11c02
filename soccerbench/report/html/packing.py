"""Columns of a timeline as one base64 string: a tenth of the size of lists of numbers in JSON.

Conventions
    columns   little-endian, one after another, the widest numbers first: each begins at a multiple of its width
    position  32 bits, milliseconds from the start of the half
    share     16 bits, a confidence times 65535
    small     8 bits: halves, labels, outcomes, flags
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

POSITION, SHARE, SMALL = "<u4", "<u2", "<u1"
_WIDTHS = (POSITION, SHARE, SMALL)


def pack(columns: Mapping[str, tuple[str, npt.NDArray[np.generic]]]) -> str:
    """Pack columns of one length: name -> (kind, (N,) values), kinds from the widest to the narrowest."""
    kinds = [kind for kind, _ in columns.values()]
    if kinds != sorted(kinds, key=_WIDTHS.index):
        raise ValueError(f"columns {list(columns)}: the widest must be first")
    parts = []
    for name, (kind, values) in columns.items():
        scaled = np.rint(np.clip(values, 0, 1) * 65535) if kind == SHARE else np.asarray(values)
        if scaled.size and not (scaled.min() >= 0 and scaled.max() <= np.iinfo(kind).max):
            raise ValueError(f"{name} {scaled.min()} to {scaled.max()}: must be in 0 to {np.iinfo(kind).max}")
        parts.append(scaled.astype(kind).tobytes())
    return base64.b64encode(b"".join(parts)).decode()
