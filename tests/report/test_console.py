"""Progress in a log, and tables on a narrow terminal."""

from __future__ import annotations

import time

import pytest

from soccerbench.experiments.drift import Movement, RowCheck
from soccerbench.report.console import BETWEEN_LINES_S, Remaining, bar, bars, busy, print_table
from soccerbench.report.table import Mean, table, tuple_columns
from soccerbench.report.tables.checks import drift_table
from soccerbench.report.tables.names import table_of_tables
from soccerbench.report.tables.specs import table_of_extractors, table_of_rows
from soccerbench.specs.load import load_table, table_names
from soccerbench.specs.video_models import load_extractors


def test_in_a_log_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    with bars(2) as shown:
        step = shown.of("row 1")
        for done in range(1, 101):
            now_s += BETWEEN_LINES_S / 40
            step("epoch 1/1", done, 100)
        shown.rows_done("row 1", 1, 2)
        shown.of("row 2")
        shown.rows_done("row 2", 2, 2)  # was finished before
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "row 1: epoch 1/1, 40%; about 2 min left in all",  # 30 s for 0.4 of two rows
        "row 1: epoch 1/1, 80%; under 2 min left in all",
        "row 1: finished, 1 of 2",
    ]
    assert said.out == ""


def test_work_of_seconds_shows_that_it_moves_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with bar("compare") as step:
        step("reading", 1, 3)
    with busy("report"):
        pass
    said = capsys.readouterr()
    assert "compare: reading" in said.err
    assert "report" in said.err
    assert said.out == ""


def test_the_time_left_counts_the_work_of_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow first row, 300 of 400 seconds, and two of 50: equal weights would say 20 min after half of it."""
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    left = Remaining(4, {"slow": 300.0, "b": 50.0, "c": 50.0, "finished before": 0.0})
    assert str(left) == "time left unknown"
    now_s = 300.0
    left.step("slow", "epoch 1/2", 50, 100)
    assert str(left) == "about 8 min left in all"  # 150 of 400 done in 300 s: 500 s
    left.ended("finished before")
    assert str(left) == "about 8 min left in all"
    now_s = 600.0
    left.ended("slow")
    assert str(left) == "about 3 min left in all"  # 300 of 400 in 600 s: 200 s
    left.step("b", "predict", 0, 1)  # trained
    left.step("c", "epoch 1/2", 1, 2)
    now_s = 750.0
    assert str(left) == "under 2 min left in all"  # 375 of 400 in 750 s: 50 s


def test_every_table_fits_80_columns_with_all_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = [load_table(name) for name in table_names()]
    scores = (
        ("Row", "d"),
        *((f"{split}, {kind}", ".2f") for split in ("Test", "Challenge") for kind in ("a", "b", "c")),
    )
    wide = table("wide", tuple_columns(*scores), [(8, *(Mean(12.34, 5.67),) * 6)])
    lists = [table_of_tables(), *map(table_of_rows, shipped)]
    for drawn in (wide, *lists, table_of_extractors(load_extractors(), [])):
        print_table(drawn, width=80)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("12.34 ± 5.67") == 6
    assert "figure3" in text
    assert "published average-mAP, %" in text


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"FORCE_COLOR": "1"}, True), ({}, False), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_drifted_rows_are_first_and_red_on_a_terminal_only(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def moved(row: int, bands: float) -> RowCheck:
        movement = Movement(
            measure="test loose", recorded=0.5, measured=0.4, bands=bands, moved=True, drifted=bands > 1
        )
        return RowCheck(
            dataset="mini", table="table2", row=row, seeds=(0,), problems=(), notes=(), movements=(movement,),
            drifted=bands > 1,
        )  # fmt: skip

    print_table(drift_table([moved(1, 0.5), moved(2, 3.0), moved(3, 0.1)]))
    text = capsys.readouterr().out
    assert text.index("row 2") < text.index("row 1") < text.index("row 3")
    red = [line for line in text.splitlines() if "31m" in line]
    assert bool(red) is coloured
    assert all("row 2" in line for line in red)
