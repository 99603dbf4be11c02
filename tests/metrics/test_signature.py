"""Signatures: two scores are comparable where their signatures are alike."""

from __future__ import annotations

import pytest

from soccerbench.metrics.signature import signature, tolerances_term
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S, check_tolerances, parse_tolerances

COMMON = {"split": "test", "games": 100, "deltas_s": LOOSE_S, "version": "0.1.0"}


@pytest.mark.parametrize(
    ("task", "protocol", "expected"),
    [
        (
            "spotting",
            "soccernet",
            (
                "average-map|task:spotting|protocol:soccernet|split:test|games:100|classes:17|delta:5-60/5s"
                "|fps:2|thr:200|ap:11pt|mean:trapezoid|v:0.1.0"
            ),
        ),
        (
            "spotting",
            "strict",
            (
                "average-map|task:spotting|protocol:strict|split:test|games:100|classes:17|delta:5-60/5s"
                "|fps:2|thr:distinct|ap:step|mean:trapezoid|v:0.1.0"
            ),
        ),
        (
            "grounding",
            "soccernet",
            (
                "average-ap|task:grounding|protocol:soccernet|split:test|games:100|classes:17|delta:5-60/5s"
                "|fps:2|nms:delta|thr:200|ap:11pt|mean:trapezoid|v:0.1.0"
            ),
        ),
    ],
)
def test_signature(task, protocol, expected):
    assert signature(task=task, protocol=protocol, **COMMON) == expected


@pytest.mark.parametrize(
    ("deltas_s", "term"),
    [
        (LOOSE_S, "5-60/5s"),
        (TIGHT_S, "1-5/1s"),
        ((5,), "5s"),
        ((5.0, 10.0), "5-10/5s"),
        ((1, 2, 5), "1,2,5s"),
        ((0.5, 1, 1.5), "0.5-1.5/0.5s"),
    ],
)
def test_tolerances(deltas_s, term):
    assert tolerances_term(deltas_s) == term


def test_a_choice_of_classes_is_named():
    assert "|classes:Goal+Corner|" in signature(
        task="spotting", protocol="soccernet", classes=["Goal", "Corner"], **COMMON
    )


def test_unknown_protocol():
    with pytest.raises(ValueError, match="protocol 'loose'"):
        signature(task="spotting", protocol="loose", **COMMON)


def test_tolerances_are_whole_numbers_where_they_can_be():
    assert [(type(one), one) for one in parse_tolerances("1,2.5")] == [(int, 1), (float, 2.5)]
    assert len(check_tolerances(range(1, 53))) == 52
    with pytest.raises(ValueError, match="53 tolerances: from 1 to 52 are possible"):
        check_tolerances(range(1, 54))
