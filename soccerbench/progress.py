"""Progress of a long operation: one call a step, displayed by the caller."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a stage ("epoch 3/40", "games"), the steps done and the steps in all; steps may be bytes."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report a step."""


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
