"""Steps of spotting rows, against their definitions frame by frame."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.specs.spotting_steps import Displace, Nms, Resample, SoftNms, Threshold
from soccerbench.tasks import spotting_steps
from soccerbench.tasks.spotting_steps import FrameScores, detections, displace, mean_of, postprocess, resample, soft_nms

SCORES = st.lists(st.sampled_from([0.0, 1e-6, 0.1, 0.2, 0.5, 0.9, 1.0]), min_size=1, max_size=40)
DECAYS = ("linear", "squared", "gaussian")
DISPLACE = Displace(step="displace")


def test_the_examples_of_docstrings() -> None:
    done = doctest.testmod(spotting_steps, extraglobs={"np": np})
    assert done.attempted >= 6
    assert not done.failed


def soft_by_definition(scores: list[float], fps: float, window_s: float, decay: str, stop_below: float) -> list[float]:
    """One class: the best of what is left is kept and lowers its neighbours, one frame after the other."""
    left, kept = dict(enumerate(scores)), [-1.0] * len(scores)
    while left and max(left.values()) >= stop_below:
        best = min(left, key=lambda frame: (-left[frame], frame))
        kept[best] = left.pop(best)
        for frame in left:
            u = abs(frame - best) / fps / (window_s / 2)
            if u < 1:
                left[frame] *= {"linear": u, "squared": u * u, "gaussian": math.exp(-((1 - u) ** 2) / 0.5)}[decay]
    return kept


@given(SCORES, st.sampled_from([1, 2]), st.floats(1, 30), st.sampled_from(DECAYS), st.sampled_from([1e-5, 0.05]))
def test_soft_nms_as_the_definition_says(scores, fps, window_s, decay, stop_below) -> None:
    values = np.array(scores)[:, None]
    step = SoftNms(step="soft-nms", window_s=window_s, decay=decay, stop_below=stop_below)
    found = soft_nms(step, FrameScores(values, fps)).scores
    expected = soft_by_definition(scores, fps, window_s, decay, stop_below)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12, atol=0)
    assert values.ravel().tolist() == scores


@pytest.mark.parametrize(("frames", "window_s"), [(127, 6), (128, 30), (250, 100)])
def test_soft_nms_of_halves_of_several_blocks(frames: int, window_s: float) -> None:
    """With ties, so that the earliest frame must be found across blocks."""
    scores = np.random.default_rng(frames).integers(0, 9, (frames, 3)) / 10
    found = soft_nms(SoftNms(step="soft-nms", window_s=window_s, decay="squared"), FrameScores(scores, 2)).scores
    expected = [soft_by_definition(column.tolist(), 2, window_s, "squared", 1e-5) for column in scores.T]
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-12, atol=0)


def test_windows_of_one_class_do_not_change_another() -> None:
    scores = np.random.default_rng(0).random((60, 17))
    windows = tuple(float(width) for width in range(2, 19))
    for kind in (Nms(step="nms", window_s=2), SoftNms(step="soft-nms", window_s=2, decay="squared")):

        def left(columns: np.ndarray, window_s: Any, step: Any = kind) -> np.ndarray:
            return postprocess(step.model_copy(update={"window_s": window_s}), FrameScores(columns, 2)).scores

        alone = [left(scores[:, [label]], width) for label, width in enumerate(windows)]
        np.testing.assert_array_equal(left(scores, windows), np.concatenate(alone, axis=1))


def test_a_window_below_the_distance_of_frames_lowers_nothing() -> None:
    scores = np.random.default_rng(0).random((20, 2)) + 0.1
    found = soft_nms(SoftNms(step="soft-nms", window_s=2, decay="linear"), FrameScores(scores, 1))
    np.testing.assert_array_equal(found.scores, scores)


@given(SCORES, st.data())
def test_displacement_as_the_definition_says(scores: list[float], data: st.DataObject) -> None:
    moves = data.draw(st.lists(st.floats(-9, 9), min_size=len(scores), max_size=len(scores)))
    expected = [-1.0] * len(scores)
    for frame, (score, move) in enumerate(zip(scores, moves, strict=True)):
        place = min(max(frame + round(2 * move), 0), len(scores) - 1)
        expected[place] = max(expected[place], score)
    found = FrameScores(np.array(scores)[:, None], fps=2, displacement_s=np.array(moves)[:, None])
    assert displace(DISPLACE, found).scores.ravel().tolist() == expected


def test_one_displacement_moves_all_classes() -> None:
    scores = np.random.default_rng(0).random((30, 3)).astype(np.float32)
    moves = np.random.default_rng(1).normal(size=(30, 1))
    one, each = (FrameScores(scores, 1, displacement_s=found) for found in (moves, np.repeat(moves, 3, axis=1)))
    np.testing.assert_array_equal(displace(DISPLACE, one).scores, displace(DISPLACE, each).scores)


@given(SCORES, st.integers(2, 5))
def test_resampling_keeps_the_frames_and_is_linear_between(scores: list[float], factor: int) -> None:
    step = Resample(step="resample", factor=factor)
    found = resample(step, FrameScores(np.array(scores)[:, None], fps=1)).scores.ravel()
    assert found[::factor].tolist() == scores
    for place, value in enumerate(found.tolist()):
        before, part = divmod(place, factor)
        after = min(before + 1, len(scores) - 1)
        assert value == pytest.approx(scores[before] + part / factor * (scores[after] - scores[before]), abs=1e-12)


def test_steps_follow_one_another_and_times_are_kept() -> None:
    scores = np.zeros((10, 17), dtype=np.float32)
    scores[3, 4], scores[4, 4], scores[7, 4] = 0.9, 0.6, 0.5
    found = FrameScores(scores, fps=1, first_s=0.25, displacement_s=np.full((10, 1), 1.0))
    for step in (
        Resample(step="resample", factor=2), Displace(step="displace"), Threshold(step="threshold", above=0.35),
        Nms(step="nms", window_s=3.0),
    ):  # fmt: skip
        found = postprocess(step, found)
    events = detections({2: found}, (), game="g")
    assert found.fps == 2
    assert events.label.tolist() == [4, 4]
    assert events.position_ms.tolist() == [4250, 8250]  # the frames at 3 and 7 s, a second later
    assert events.confidences == pytest.approx([0.9, 0.5])


def test_detections_of_a_class_are_listed_best_first() -> None:
    scores = np.array([[0.2, -1], [0.9, 0.1], [0.9, -1]])
    events = detections({1: FrameScores(scores, fps=2)}, (), game="g")
    assert list(zip(events.label.tolist(), events.position_ms.tolist(), strict=True)) == [
        (0, 500), (0, 1000), (0, 0), (1, 500),
    ]  # fmt: skip


def test_displacing_without_a_displacement() -> None:
    with pytest.raises(ValueError, match="needs a head that predicts displacements"):
        postprocess(Displace(step="displace"), FrameScores(np.ones((3, 17)), fps=1))


def test_soft_nms_keeps_more_than_hard_nms() -> None:
    scores = np.random.default_rng(0).random((200, 17))
    found = FrameScores(scores, fps=1)
    hard = postprocess(Nms(step="nms", window_s=20.0), found).scores
    soft = postprocess(SoftNms(step="soft-nms", window_s=20.0, decay="linear"), found).scores
    assert (hard >= 0).sum() < (soft >= 0).sum()
    np.testing.assert_array_equal(soft.max(axis=0), scores.max(axis=0))


def test_a_score_of_zero_is_a_detection_and_a_negative_one_is_none() -> None:
    found = detections({2: FrameScores(np.array([[0.0], [-1.0], [0.5]]), fps=2, first_s=1.0)}, (), game="g")
    assert found.position_ms.tolist() == [2000, 1000]
    assert found.confidences.tolist() == [0.5, 0.0]
    assert found.half.tolist() == [2, 2]


def test_the_mean_of_scores_reaches_as_far_as_all_do() -> None:
    one, other = (FrameScores(np.full((length, 1), float(length)), fps=1, first_s=0.0) for length in (1, 3))
    found = mean_of([one, other])
    assert found.scores.tolist() == [[2.0]]
    assert found.displacement_s is None
