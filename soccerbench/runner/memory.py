"""Freed memory kept for the next step of a training.

The C library gives large pieces back to the system as soon as they are freed, and the system clears every page that it
gives out again: on a CPU a sixth of a full-size step of NetVLAD++.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
_LARGEST = 2**31 - 1
_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**25, _MMAP_MAX: 2**16}  # what glibc comes to by itself


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed inside for what is allocated next, and give it back at the end; only glibc is asked to."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        yield
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _LARGEST)
    try:
        yield
    finally:
        for option, value in _USUAL.items():
            library.mallopt(option, value)
        library.malloc_trim(0)
