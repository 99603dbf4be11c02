"""The typed objects of `--json`: what is printed is what they give, key by key, and unknown keys are errors."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from soccerbench.scoring.schema import ComparisonReport, Scores

INTERVAL = {"level": 0.95, "low": None, "high": 0.5, "repetitions": 10}
SPOTTING: dict[str, Any] = {
    "task": "spotting",
    "protocol": "strict",
    "signature": "average-map|…",
    "tolerances_s": [0.5, 1, 30],
    "average_map": None,
    "interval": INTERVAL,
    "average_map_visible": 0.25,
    "average_map_unshown": 1.0,
    "per_class": {"Goal": None},
    "interval_per_class": {"Goal": INTERVAL},
    "per_class_visible": {"Goal": 0.25},
    "per_class_unshown": {"Goal": 1.0},
    "map_per_tolerance": [None, 0.5, 0.5],
}
GROUNDING: dict[str, Any] = {
    "task": "grounding",
    "protocol": "soccernet",
    "signature": "average-ap|…",
    "tolerances_s": [5],
    "average_ap": 0.5,
    "ap_per_tolerance": [0.5],
    "replays_scored": 2,
    "replays_missing": 0,
}
DIFFERENCE = {"difference": -0.5, "interval": INTERVAL, "p_value": None}
COMPARISON = {
    "task": "grounding",
    "protocol": "soccernet",
    "signature": "average-ap|…",
    "names": ["first", "second"],
    "seeds": [[0, 1], [2, 3]],
    "a": 0.25,
    "b": 0.75,
    "difference": -0.5,
    "interval": INTERVAL,
    "interval_coverage": 0.81,
    "p_value": None,
    "smallest_p": 0.5,
    "method": "paired permutation",
    "games": 2,
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Scores, SPOTTING), (Scores, GROUNDING), (ComparisonReport, COMPARISON)],
)
def test_keys_nulls_and_whole_tolerances_are_kept(kind: Any, value: dict[str, Any]) -> None:
    dumped = TypeAdapter(kind).validate_python(value).to_json()
    assert dumped == value
    assert list(dumped) == list(value)
    assert [type(width) for width in dumped.get("tolerances_s", ())] == [
        type(width) for width in value.get("tolerances_s", ())
    ]


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="average_mpa"):
        TypeAdapter(Scores).validate_python(SPOTTING | {"average_mpa": 0.5})


def test_values_cannot_be_changed() -> None:
    made = TypeAdapter(Scores).validate_python(GROUNDING)
    with pytest.raises(ValidationError, match="frozen"):
        made.average_ap = 0.9
