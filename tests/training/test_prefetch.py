"""Prefetching: the same items, no more of them in memory than allowed, and errors where they happen."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from soccerbench.training.prefetch import prefetched


def counting(taken: list[int], stop: int, threads: set[str] | None = None) -> Iterator[int]:
    for number in range(stop):
        taken.append(number)
        if threads is not None:
            threads.add(threading.current_thread().name)
        yield number


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("stop", [0, 1, 2, 17])
def test_the_same_items_in_order(depth: int, stop: int) -> None:
    assert list(prefetched(counting([], stop), depth=depth)) == list(range(stop))


def test_none_is_an_item_like_any_other() -> None:
    assert list(prefetched(iter([None, 1, None]))) == [None, 1, None]


def test_items_are_taken_in_one_other_thread() -> None:
    threads: set[str] = set()
    list(prefetched(counting([], 9, threads)))
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_than_depth_ahead(depth: int) -> None:
    taken: list[int] = []
    seen = 0
    for item in prefetched(counting(taken, 50), depth=depth):
        seen += 1
        assert len(taken) <= item + 1 + depth
    assert seen == 50


def test_an_error_comes_where_it_happened() -> None:
    def failing() -> Iterator[int]:
        yield from range(3)
        raise OSError("gone")

    items = prefetched(failing())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_stopping_early_stops_the_thread() -> None:
    taken: list[int] = []
    items = prefetched(counting(taken, 10**9), depth=2)
    next(items)
    items.close()
    assert len(taken) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
