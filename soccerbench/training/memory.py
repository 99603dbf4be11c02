"""Freed memory kept for the next step of a training.

The C library gives pieces back to the system soon after they are freed, and the system clears every page that it gives
out again: on a CPU a sixth of a full-size step of NetVLAD++.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGEST_KEPT = 2**25  # bytes; what glibc takes at most. Pieces above it cannot pile up between small ones
_KEEP_ALL, _USUAL = 2**31 - 1, 2**26


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep pieces of up to 32 MB that are freed inside for later ones, and give them back at the end; glibc only."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
    library.mallopt(_TRIM_THRESHOLD, _KEEP_ALL)
    try:
        yield
    finally:
        library.mallopt(_TRIM_THRESHOLD, _USUAL)
        library.malloc_trim(0)
