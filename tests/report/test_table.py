"""A table in every form: values as numbers, cells as text, special characters escaped."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from soccerbench.report.table import Column, Mean, Range, Table, table, tuple_columns


@pytest.fixture
def hostile() -> Table[Any]:
    columns = tuple_columns(("a|b", None), ("c", None))
    return table("50 % & more_", columns, [("x,y", '"q" ± 1'), ("{\\}", "~^#$")], ["note"])


def test_csv_quotes(hostile: Table[Any]) -> None:
    assert list(csv.reader(io.StringIO(hostile.to_csv()))) == [["a|b", "c"], ["x,y", '"q" ± 1'], ["{\\}", "~^#$"]]


def test_markdown_escapes_bars(hostile: Table[Any]) -> None:
    assert "| a\\|b | c |\n|---|---|\n| x,y |" in hostile.to_markdown()


def test_latex_escapes_and_keeps_booktabs(hostile: Table[Any]) -> None:
    text = hostile.to_latex()
    assert "\\caption{50 \\% \\& more\\_}" in text
    assert '"q" $\\pm$ 1 \\\\' in text
    assert "\\{\\textbackslash{}\\} & \\textasciitilde{}\\textasciicircum{}\\#\\$ \\\\" in text
    assert [rule for rule in ("toprule", "midrule", "bottomrule") if f"\\{rule}" not in text] == []


def test_text_and_frame_of_every_kind_of_value() -> None:
    columns = [
        Column[int]("name", lambda row: f"row {row}"),
        Column[int]("count", lambda row: None if row else 1234, ",d"),
        Column[int]("mean", lambda row: Mean(12.345, 0.5) if row else "not run", ".2f"),
        Column[int]("interval", lambda row: Range(1, 2.5) if row else None, ".1f"),
    ]
    drawn = table("t", columns, range(2))
    assert drawn.lines == (("row 0", "1,234", "not run", "-"), ("row 1", "-", "12.35 ± 0.50", "1.0 to 2.5"))
    assert f"{Mean(12.345, None):.1f}" == "12.3"
    frame = drawn.frame()
    assert list(frame) == ["name", "count", "mean, mean", "mean, deviation", "interval, low", "interval, high"]
    assert frame.loc[1, ["mean, mean", "interval, high"]].tolist() == [12.345, 2.5]


def test_a_table_without_rows() -> None:
    empty = table("t", tuple_columns(("a", None)), [])
    assert empty.to_csv() == "a\n"
    assert "| a |" in empty.to_markdown()
    assert "\\toprule" in empty.to_latex()
