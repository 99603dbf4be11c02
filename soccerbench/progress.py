"""How the runner says where it is: one call a step, drawn by whoever listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a stage ("row 3, seed 0: epoch"), the steps done and the steps in all."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note a step."""


def silent(stage: str, done: int, total: int) -> None:
    """Note nothing."""
