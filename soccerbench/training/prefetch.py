"""Prefetching: the next items of an iterator are made in another thread while the current one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch

T = TypeVar("T")
DEPTH = 2  # items made in advance at most: with the one in use they bound the memory
_END = object()


def prefetched(items: Iterator[T], *, depth: int = DEPTH) -> Iterator[T]:
    """The items of an iterator, in order, each made before it is asked for.

    Raises:
        Exception: whatever the iterator raises, at the place where it raises it.
    """
    torch.get_num_threads()  # the other thread takes over this thread's number only once it is set
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as reader:
        ahead: deque[Future[Any]] = deque(reader.submit(next, items, _END) for _ in range(depth))
        try:
            while (item := ahead.popleft().result()) is not _END:
                ahead.append(reader.submit(next, items, _END))
                yield item
        finally:
            reader.shutdown(cancel_futures=True)
