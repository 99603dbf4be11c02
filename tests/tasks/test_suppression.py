"""Non-maximum suppression, against the definition and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.soccernet.grounding_predictions import ReplayDetections
from soccerbench.tasks.grounding_postprocess import suppress
from soccerbench.tasks.spotting_steps import suppress_non_maxima


@pytest.mark.parametrize(
    ("scores", "window_frames", "kept"),
    [
        ([0.1, 0.9, 0.2, 0.8], 2, [1, 3]),  # 1 silences 0 and itself, 3 silences 2 and itself
        ([0.1, 0.9, 0.8, 0.2], 2, [1, 2, 3]),  # the upper end is left out: 2 is free, and so is 3
        ([0.1, 0.9, 0.8, 0.2], 4, [1, 3]),
        ([0.5, 0.5, 0.5], 2, [0, 1, 2]),  # of equal ones the earliest first
        ([0.0], 2, [0]),  # the threshold itself counts
        ([-0.1, 0.3], 2, [1]),
        ([0.9, 0.1, 0.1, 0.1], 60, [0]),
        ([0.2, 0.1, 0.9, 0.1], 5, [2]),  # an odd window: [-0.5, 4), its lower end truncated to zero
    ],
)
def test_by_hand(scores: list[float], window_frames: float, kept: list[int]) -> None:
    assert suppress_non_maxima(np.array(scores), window_frames=window_frames).tolist() == kept


def by_definition(scores: np.ndarray, window: float) -> list[int]:
    """The reference procedure: the best of what is left, again and again."""
    left, kept = scores.copy(), []
    while left.max() >= 0:
        best = int(left.argmax())
        kept.append(best)
        left[int(max(best - window / 2, 0)) : min(best + int(window / 2), len(left))] = -1
    return kept


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]), min_size=1, max_size=60), st.integers(2, 30))
def test_as_the_definition_says(scores: list[float], window: int) -> None:
    values = np.array(scores)
    assert suppress_non_maxima(values, window_frames=window).tolist() == by_definition(values, window)
    assert values.tolist() == scores


def test_a_window_that_would_not_silence_its_own_frame() -> None:
    with pytest.raises(ValueError, match="window_frames is 1"):
        suppress_non_maxima(np.ones(3), window_frames=1)


@pytest.mark.parametrize(
    ("score", "kept"),
    [
        ([0.9, 0.5, 0.4], [0, 2]),  # the edge at 4 s is inside, 4.5 s is not
        ([0.5, 0.9, 0.5], [1]),
        ([0.5, 0.5, 0.4], [0, 2]),  # of equal ones the earliest first
    ],
)
def test_times_by_hand(score: list[float], kept: list[int]) -> None:
    time_s = np.array([0.0, 4.0, 4.5])
    found = suppress(ReplayDetections(1, 0, 9, time_s, np.array(score)), window_s=8)
    assert found.time_s.tolist() == time_s[kept].tolist()
