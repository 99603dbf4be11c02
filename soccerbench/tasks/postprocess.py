"""The function that applies a post-processing step; each type of step registers its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any


@singledispatch
def postprocess(step: Any, found: Any, others: Sequence[Any] = ()) -> Any:  # noqa: ARG001
    """Apply one step of a row.

    Args:
        step: the step.
        found: what there is before it: the `FrameScores` of a half in spotting, of all games the
            `GroundingPredictions` in grounding.
        others: what the run that it uses detected in the same games, of its task; empty if it uses none.
    """
    raise TypeError(f"no function for the step {step!r}")
