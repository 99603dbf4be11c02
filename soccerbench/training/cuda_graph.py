"""What keeps a GPU busy: batches that are copied to it while it computes, and steps that it replays by itself.

A small head's step is over a hundred short kernels; launching them one by one from Python takes longer than running
them. A CUDA graph is a recording of them that is launched at once.

Conventions
    kind  of a batch: the shapes and types of its tensors
    rate  a recording holds the learning rate as a constant; with another rate all are made again
"""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

WARM_UP = 3  # steps of a kind before it is recorded: libraries and the allocator settle
MAX_RECORDINGS = 4  # each keeps the memory of its step
ALONE = threading.Lock()  # held while a step is recorded, and by the thread that makes batches while it uses the GPU


class Recording(NamedTuple):
    """A step on the GPU, the tensors it reads its batch from and the one it leaves its loss in."""

    graph: torch.cuda.CUDAGraph
    batch: tuple[Tensor, ...]
    loss: Tensor


class ReplayedStep:
    """A training step that is recorded when a kind of batch has come a few times, and replayed from then on.

    Args:
        step: trains on a batch and returns its loss, detached. It must do the same whatever the values of the batch:
            no branch on them, nothing read back.
        rate: gives the learning rate.
    """

    def __init__(self, step: Callable[[Any], Tensor], rate: Callable[[], float]) -> None:
        self.step, self.rate = step, rate
        self._seen: Counter[Hashable] = Counter()
        self._recorded: dict[Hashable, Recording] = {}
        self._recorded_rate = rate()

    def __call__(self, batch: Any) -> Tensor:
        """Train on a batch; its loss, which the next call overwrites."""
        if self.rate() != self._recorded_rate:
            self._recorded_rate = self.rate()
            self._seen.clear()
            self._recorded.clear()
        kind = tuple((value.shape, value.dtype) for value in batch)
        self._seen[kind] += 1
        if kind not in self._recorded:
            if self._seen[kind] <= WARM_UP or len(self._recorded) == MAX_RECORDINGS:
                return self.step(batch)
            self._recorded[kind] = self._record(batch)
        recording = self._recorded[kind]
        for place, value in zip(recording.batch, batch, strict=True):
            place.copy_(value)
        recording.graph.replay()
        return recording.loss

    def _record(self, batch: Any) -> Recording:
        """Record the step, which is not run meanwhile."""
        places, graph = batch._make(value.clone() for value in batch), torch.cuda.CUDAGraph()
        with ALONE, _nothing_collected(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            loss = self.step(places)
        return Recording(graph, places, loss)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Collect garbage now and not meanwhile: a graph of an earlier run, destroyed then, would break the recording."""
    gc.collect()
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def copied(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    """Batches on a GPU, copied from pinned memory while it computes; the thread that asks for them waits for each."""
    copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    computing = torch.cuda.default_stream(device)
    while True:
        with ALONE:
            batch = next(batches, None)
            if batch is None:
                return
            with torch.cuda.stream(copying):
                there = [
                    value if value.is_cuda else value.pin_memory().to(device, non_blocking=True) for value in batch
                ]
            copying.synchronize()
            for value in there:
                value.record_stream(computing)  # its memory is not given to the next copy before it has been read
        yield batch._make(there)
