"""Which grid frames a clip takes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.video.decoding.clips import Clip, clamp, grid_fps, row_count, window

LONG, SLOW, WIDE = Clip(32, 12), Clip(8, 3), Clip(16, 3)
clips = st.builds(Clip, st.integers(1, 64), st.integers(1, 30))


@pytest.mark.parametrize(
    ("clip", "second", "first", "step", "last"),
    [
        (LONG, 100, 1184, 1, 1215),  # 1.33 s before, 1.25 s after
        (SLOW, 100, 1184, 4, 1212),  # the same start, a quarter of the frames
        (WIDE, 100, 1168, 4, 1228),
        (LONG, 0, -16, 1, 15),
        (LONG, 0.04, -16, 1, 15),  # 0.48 grid frames: the nearer is 0
        (LONG, 1 / 24, -15, 1, 16),  # half a grid frame: the later one
    ],
)
def test_windows_on_the_grid_of_twelve(clip: Clip, second: float, first: int, step: int, last: int) -> None:
    taken = window(clip, second, 12)
    assert taken.dtype == np.int64
    assert taken.tolist() == list(range(first, last + 1, step))


def test_the_grid_of_the_five_models_is_that_of_the_finest() -> None:
    assert grid_fps([LONG, SLOW, WIDE]) == 12
    assert grid_fps([SLOW, WIDE]) == 3
    assert grid_fps([Clip(8, 4), Clip(8, 6)]) == 12


@given(st.lists(clips, min_size=1, max_size=5))
def test_the_grid_holds_every_clip_and_is_the_coarsest_that_does(several: list[Clip]) -> None:
    rate = grid_fps(several)
    assert all(rate % clip.fps == 0 for clip in several)
    assert not any(
        all(smaller % clip.fps == 0 for clip in several) for smaller in range(1, rate) if rate % smaller == 0
    )


@given(clips, st.integers(0, 6000), st.integers(1, 4))
def test_a_window_is_at_the_stated_times(clip: Clip, second: int, finer: int) -> None:
    grid = clip.fps * finer
    taken = window(clip, second, grid)
    stated = [second + (k - clip.frames // 2) / clip.fps for k in range(clip.frames)]
    assert np.allclose(taken / grid, stated, rtol=0, atol=1e-9)


@given(clips, st.integers(0, 6000), st.integers(1, 4))
def test_windows_a_second_apart_share_their_frames(clip: Clip, second: int, finer: int) -> None:
    grid = clip.fps * finer
    now, later = window(clip, second, grid), window(clip, second + 1, grid)
    assert np.array_equal(later, now + grid)
    assert len(set(now.tolist()) & set(later.tolist())) == max(0, clip.frames - clip.fps)


@given(clips, st.floats(0, 6000), st.integers(1, 4))
def test_a_centre_between_frames_is_moved_by_half_a_frame_at_most(clip: Clip, second: float, finer: int) -> None:
    grid = clip.fps * finer
    centre = window(clip, second, grid)[clip.frames // 2]
    assert abs(centre / grid - second) <= 0.5 / grid + 1e-9


@given(clips, st.integers(-10, 100), st.integers(1, 500))
def test_clamping_keeps_what_is_inside_and_repeats_the_ends(clip: Clip, second: int, length: int) -> None:
    taken = window(clip, second, clip.fps)
    before = taken.copy()
    kept = clamp(taken, length)
    assert np.array_equal(taken, before)
    assert np.array_equal(kept[(taken >= 0) & (taken < length)], taken[(taken >= 0) & (taken < length)])
    assert set(kept[taken < 0].tolist()) <= {0}
    assert set(kept[taken >= length].tolist()) <= {length - 1}


@pytest.mark.parametrize(("duration_s", "rows"), [(0.04, 1), (1.0, 1), (1.99, 1), (2.0, 2), (2700.52, 2700)])
def test_rows_of_a_half(duration_s: float, rows: int) -> None:
    assert row_count(duration_s) == rows


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Clip(0, 3), "0 frames at 3 fps"),
        (lambda: Clip(8, 0), "8 frames at 0 fps"),
        (lambda: grid_fps([]), "no clips"),
        (lambda: window(LONG, 3, 6), "6 fps has no frames at 12 fps"),
        (lambda: window(LONG, 3, 0), "0 fps"),
        (lambda: window(LONG, math.nan, 12), "nan s"),
        (lambda: clamp(np.arange(3), 0), "without a single grid frame"),
        (lambda: row_count(0), "0 s"),
        (lambda: row_count(math.inf), "inf s"),
    ],
)
def test_what_makes_no_sense_is_refused(call, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()
