"""Progress in a log: seldom, and at the end of each experiment."""

from __future__ import annotations

import time

import pytest

from soccerbench.report.console import BETWEEN_LINES_S, bars


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
    assert said.err.splitlines() == ["row 1: epoch 1/1, 40%", "row 1: epoch 1/1, 80%", "row 1: finished, 1 of 2"]
    assert said.out == ""
