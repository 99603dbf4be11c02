"""Parsing lists of numbers."""

from __future__ import annotations

import re


def parse_range(option: str, text: str) -> list[int]:
    """`1,6-8` into [1, 6, 7, 8].

    Raises:
        ValueError: anything else, a range that runs backwards, or more than a thousand numbers.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", part, re.ASCII)
        if not match:
            raise ValueError(f"{option} {text!r}: {part!r} is not a number or a range; write it like 1,6-8")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > 1000:
            raise ValueError(f"{option} {text!r}: {part!r} is not a range from low to high")
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))
