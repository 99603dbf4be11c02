"""What `reproduce` prints of the committed record."""

from __future__ import annotations

from pathlib import Path

import pytest

from soccerbench.experiments.drift import Movement, RowCheck
from soccerbench.report.tables.checks import record_lines


def check(row: int, *, moved: bool, drifted: bool, seeds: tuple[int, ...] = (0,)) -> RowCheck:
    movement = Movement(measure="test loose", recorded=0.5, measured=0.5, bands=0.0, moved=moved, drifted=drifted)
    return RowCheck(
        dataset="mini", table="table2", row=row, seeds=seeds, problems=(), notes=(), movements=(movement,),
        drifted=drifted,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "line"),
    [
        ([check(1, moved=False, drifted=False)], "The numbers of 1 of 1 rows match the committed record exactly."),
        (
            [check(1, moved=True, drifted=False), check(2, moved=False, drifted=False, seeds=())],
            "The numbers of 1 of 2 rows match the committed record within the spread over seeds.",
        ),
        (
            [check(1, moved=True, drifted=True), check(2, moved=False, drifted=False)],
            "Rows that differ from the committed record: 1. `soccerbench check runs` shows where.",
        ),
        (
            [check(1, moved=False, drifted=False, seeds=())],
            "No committed record for this data, these rows and seeds: nothing to compare with.",
        ),
    ],
)
def test_one_line_says_whether_the_record_is_matched(checks: list[RowCheck], line: str) -> None:
    assert record_lines(checks, Path("runs")) == [line]
