"""Reads batches while the one before is being computed with: one thread, a few batches ahead and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import torch

T = TypeVar("T")
DEPTH = 2  # batches read ahead at most: with the one in use they bound the memory
_END = object()


def read_ahead(items: Iterator[T], *, depth: int = DEPTH, one_core: bool = False) -> Iterator[T]:
    """The items of an iterator, in order, each taken before it is asked for.

    Args:
        items: run in one other thread, as it would have been here.
        depth: items taken ahead.
        one_core: torch keeps to one core in the other thread, for when this one computes on all of them.

    Raises:
        Exception: whatever the iterator raises, at the place where it raises it.
    """
    torch.get_num_threads()  # settles this thread's own number, which a thread that has done nothing yet takes over
    begin = partial(torch.set_num_threads, 1) if one_core else None
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead", initializer=begin) as reader:
        ahead: deque[Future[Any]] = deque(reader.submit(next, items, _END) for _ in range(depth))
        try:
            while (item := ahead.popleft().result()) is not _END:
                ahead.append(reader.submit(next, items, _END))
                yield item
        finally:
            reader.shutdown(cancel_futures=True)
