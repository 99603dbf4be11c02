"""Rounding to half precision, and what it loses."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.features.rows import LARGEST_HALF, SMALLEST_NORMAL, Rounding, narrow


@pytest.mark.parametrize(
    ("value", "half", "relative", "absolute"),
    [
        (1.0, 1.0, 0, 0),
        (1 + 2**-11, 1.0, 2**-11 / (1 + 2**-11), 2**-11),  # half way between two halves: to the even one
        (1 + 3 * 2**-11, 1 + 2**-9, 2**-11 / (1 + 3 * 2**-11), 2**-11),
        (-0.1, np.float16(-0.1), 2.4414e-4, 2.4414e-5),
        (LARGEST_HALF, LARGEST_HALF, 0, 0),
        (2**-25, 0.0, 2**-11, 2**-25),  # too small for half: relative to the smallest normal one
        (SMALLEST_NORMAL, SMALLEST_NORMAL, 0, 0),
    ],
)
def test_narrowing_rounds_to_the_nearest(value: float, half: float, relative: float, absolute: float) -> None:
    halves, lost = narrow(np.array([[value, 0]], np.float32))
    assert halves[0, 0] == half
    assert lost.relative == pytest.approx(relative, rel=1e-3, abs=0)
    assert lost.absolute == pytest.approx(absolute, rel=1e-3, abs=0)


def test_the_relative_error_is_at_most_half_a_unit() -> None:
    values = np.exp(np.random.default_rng(0).normal(0, 4, (64, 128))).clip(1e-6, 6e4).astype(np.float32)
    before = values.copy()
    _, lost = narrow(values)
    assert 2**-12 < lost.relative <= 2**-11
    np.testing.assert_array_equal(values, before)


def test_narrowing_is_numpys_for_all_kinds_of_floats() -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 400_000, dtype=np.uint32)
    exact = np.arange(2**16, dtype=np.uint16).view(np.float16)
    exact = exact[np.isfinite(exact)].astype(np.float32)
    between = (exact[:-1] + exact[1:]) / 2  # half way: every tie there is
    near = np.nextafter(np.concatenate([between, between]), np.repeat([np.inf, -np.inf], len(between)).astype("f4"))
    values = np.concatenate([bits.view(np.float32), exact, between, near, np.array([0, -0.0], np.float32)])
    values = values[np.isfinite(values)]
    values = values[np.abs(values) <= LARGEST_HALF]
    halves, lost = narrow(values)
    np.testing.assert_array_equal(halves.view(np.uint16), values.astype(np.float16).view(np.uint16))
    error = np.abs(halves.astype(np.float64) - values)
    assert lost.absolute == error.max()
    assert lost.relative == pytest.approx((error / np.maximum(np.abs(values), SMALLEST_NORMAL)).max(), rel=1e-6)


def test_narrowing_large_normal_values_only() -> None:
    values = np.random.default_rng(2).uniform(1, 6e4, (40, 50)).astype(np.float32)
    np.testing.assert_array_equal(narrow(values)[0], values.astype(np.float16))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        narrow(np.array([[0, value]], np.float32))


@pytest.mark.parametrize("value", [65520.0, -70000.0, 1e30])
def test_what_no_half_can_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="above 65504"):
        narrow(np.array([[0, value]], np.float32))


def test_losses_add_up_to_the_larger_ones() -> None:
    assert Rounding(0.1, 0.4) | Rounding(0.2, 0.3) == Rounding(0.2, 0.4)


def test_pieces_of_any_size_one_after_another() -> None:
    rng = np.random.default_rng(3)
    for rows in (3, 7, 2, 0, 7):
        values = rng.normal(size=(rows, 5)).astype(np.float32)
        halves, lost = narrow(values)
        np.testing.assert_array_equal(halves, values.astype(np.float16))
        assert lost == narrow(values)[1]
