"""The one error that a spec may cause."""

from __future__ import annotations


class SpecError(ValueError):
    """A spec that cannot be used; names file, row and key in one line."""

    def __init__(self, place: object, problem: str) -> None:
        super().__init__(" ".join(f"{place}: {problem}".split()))
