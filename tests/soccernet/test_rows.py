"""Numbers read all at once: those that Python reads one by one, and a refusal wherever these could differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.soccernet.columns import numbers

decimals = st.decimals(0, 1, allow_nan=False).map(lambda value: f"{value:f}")
floats = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.one_of(floats.map(repr), decimals), min_size=1), st.lists(floats | st.integers(-(2**60), 2**60)))
def test_texts_and_numbers(texts: list[str], values: list[float]) -> None:
    assert numbers(texts, np.float64).tolist() == list(map(float, texts))
    assert numbers(values, np.float64).tolist() == list(map(float, values))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers(values: list[int]) -> None:
    for column in (numbers(values, np.int64), numbers(list(map(str, values)), np.int64)):
        assert column.tolist() == values
        assert column.dtype == np.int64


@pytest.mark.parametrize(
    "values",
    [
        ["1,2"],
        ["1,2", ""],
        ["1,2", "[3", "4]"],
        ["1", "2],[3"],
        ["[1]"],
        ["1 2"],
        [""],
        ["true"],
        ["null"],
        ['"1"'],
        ["NaN"],
        ["Infinity"],
        ["1e999"],
        ["1_0"],
        ["٣"],
        ["\ud800"],
        ["1", 2],
        [True],
        [None],
        [[1]],
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_what_needs_a_closer_look(values: list[Any], dtype: Any) -> None:
    with pytest.raises((OverflowError, TypeError, ValueError)):
        numbers(values, dtype)


@pytest.mark.parametrize("values", [["1.0"], [1.5], [True, 1.0], ["1e3"], ["9223372036854775808"], [2**63]])
def test_what_is_no_whole_number(values: list[Any]) -> None:
    with pytest.raises((OverflowError, ValueError)):
        numbers(values, np.int64)
