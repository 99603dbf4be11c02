"""Targets of frames, as a table and against a loop over frames and events."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.specs.dense import BalancedBinary, CrossEntropy, Displacement, FocalBinary
from soccerbench.tasks.dense.targets import displacement_targets, offsets, score_targets

BALANCED = BalancedBinary(kind="balanced-binary", positive_share=0.03)
SOFTMAX = CrossEntropy(kind="cross-entropy", foreground_weight=5)
FOCAL = FocalBinary(kind="focal-binary", gamma=1, epsilon=7e-5, weight=100)
TIME_S = np.arange(40) / 2 + 0.25
RNG = np.random.default_rng(3)
EVENT_S, LABEL = RNG.uniform(-2, 22, size=12), RNG.integers(0, 4, size=12)


def literal(label: int | None) -> list[float | None]:
    """The signed time to the nearest event of a class, or of any, at every frame."""
    found: list[float | None] = []
    for at_s in TIME_S:
        times = [event - at_s for event, kind in zip(EVENT_S, LABEL, strict=True) if label in (None, kind)]
        found.append(min(times, key=abs, default=None))
    return found


def test_the_nearest_event_of_each_class() -> None:
    found = offsets(TIME_S, EVENT_S, LABEL)
    for label in range(17):
        expected = [np.inf if value is None else value for value in literal(label)]
        np.testing.assert_array_equal(found[:, label], expected)


@pytest.mark.parametrize(("radius_s", "positive"), [(1.0, [0, 0, 1, 1, 1, 1, 1, 0]), (0.75, [0, 0, 0, 1, 1, 1, 0, 0])])
def test_frames_within_the_radius_are_positive_edges_included(radius_s: float, positive: list[int]) -> None:
    offset_s = offsets(np.arange(8) / 2, np.array([2.0]), np.array([3]))
    assert score_targets(offset_s, radius_s, BALANCED)[:, 3].tolist() == positive


def test_a_softmax_target_is_the_nearest_event_and_sigmoids_name_all() -> None:
    offset_s = offsets(np.array([0.0, 1.0, 9.0]), np.array([0.4, 1.5]), np.array([2, 5]))
    classes = [set(np.flatnonzero(line)) for line in score_targets(offset_s, 2, SOFTMAX)]
    assert classes == [{3}, {6}, {0}]
    assert [set(np.flatnonzero(line)) for line in score_targets(offset_s, 2, FOCAL)] == [{3, 6}, {3, 6}, {0}]
    assert [set(np.flatnonzero(line)) for line in score_targets(offset_s, 2, BALANCED)] == [{2, 5}, {2, 5}, set()]


@pytest.mark.parametrize("per_class", [True, False])
def test_displacements_lead_to_the_nearest_event(per_class: bool) -> None:
    recipe = Displacement(radius_s=1.5, loss="squared", per_class=per_class)
    moves, near = displacement_targets(offsets(TIME_S, EVENT_S, LABEL), recipe, 2)
    for column in range(17 if per_class else 1):
        for frame, offset in enumerate(literal(column if per_class else None)):
            inside = offset is not None and abs(offset) <= 1.5
            assert near[frame, column] == inside
            assert moves[frame, column] == pytest.approx(2 * offset if inside and offset else 0, rel=1e-6)
