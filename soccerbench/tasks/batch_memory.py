"""A memory pool for batches: a buffer is reused as soon as its batch is no longer referenced.

Allocating and freeing 61 MB for each batch of released features costs some 3 % of the training time.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class BatchMemory:
    """One buffer for each batch that is referenced at the same time, all freed with the last batch and this object."""

    def __init__(self) -> None:
        self._free: list[NDArray[np.float32]] = []

    def empty(self, shape: Sequence[int]) -> Tensor:
        """An uninitialised float32 tensor of that shape; its buffer is reused when it is no longer referenced."""
        count = math.prod(shape)
        piece = self._free.pop() if self._free else np.empty(0, np.float32)
        if piece.size < count:
            piece = np.empty(count, np.float32)  # numpy asks the system for large pages
        lent = piece[:count].reshape(shape)
        weakref.finalize(lent, self._free.append, piece).atexit = False
        return torch.from_numpy(lent)  # keeps `lent` alive as long as a tensor or array views it
