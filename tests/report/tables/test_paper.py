"""The table: published beside measured on real data, never on simulated ones; the same in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from soccerbench.report.tables.paper import Grid, grid, summarise, to_csv, to_latex, to_markdown, write_table
from soccerbench.specs import load_table

ROWS = [row.model_dump(mode="json") for row in load_table("table2").rows]


def result(
    row: int, seed: int, test: float | None, *, simulated: bool, challenge: float | None = None
) -> dict[str, Any]:
    """What a `result.json` says, as far as tables read it."""
    scores: dict[str, Any] = {"test": None if test is None else {"loose": {"average_map": test}}}
    if challenge is not None:
        scores["challenge"] = {"loose": {"average_map": challenge}}
    submissions = {split: f"predictions-{split}.zip" for split in ("test", "challenge")}
    return {
        "row": row,
        "seed": seed,
        "simulated": simulated,
        "digest": "d" * 16,
        "scores": scores,
        "submissions": submissions,
    }


def test_on_real_data_published_measured_and_difference_stand_side_by_side() -> None:
    results = [
        result(8, 0, 0.73, simulated=False),
        result(8, 1, 0.74, simulated=False),
        result(7, 0, 0.7, simulated=False),
    ]
    records = summarise(ROWS, results, {2: "needs features"})
    table = grid("t", records, simulated=False, folder=Path("runs"))
    assert table.header[4:] == (
        "Test, published", "measured", "difference", "Challenge, published", "measured", "difference",
    )  # fmt: skip
    by_row = {line[0]: line[1:] for line in table.lines}
    submissions = "row-08/seed-0/predictions-challenge.zip, row-08/seed-1/predictions-challenge.zip"
    assert by_row["8"] == ("five", "netvlad++", "7/20", "74.05", "73.50 ± 0.71", "-0.55", "73.19", submissions, "")
    assert by_row["7"][6] == "N/A"
    assert by_row["2"][3:5] == ("62.96", "not run")
    assert set(by_row) == {"2", "7", "8"}
    assert any("Row 2 not run: needs features" in note for note in table.notes)
    assert any("over 1/2 seeds" in note for note in table.notes)


def test_on_simulated_features_no_published_number_is_shown_and_a_line_says_why() -> None:
    records = summarise(ROWS, [result(8, 0, 0.35, simulated=True, challenge=0.4)], {})
    table = grid("t", records, simulated=True, folder=Path("runs"))
    text = to_csv(table) + to_markdown(table) + to_latex(table) + json.dumps(records)
    assert "74.05" not in text
    assert "73.19" not in text
    assert table.lines == (("8", "five", "netvlad++", "7/20", "35.00", "40.00"),)
    assert "say nothing about the paper" in table.notes[0]
    beside = summarise(ROWS, [result(8, 0, 0.35, simulated=True)], {2: "needs features"})
    assert [record["published"] for record in beside] == [{}, {}]
    none_ran = summarise(ROWS, [], {2: "needs features", 8: "needs features"}, simulated=True)
    assert [record["published"] for record in none_ran] == [{}, {}]


def test_a_split_that_was_seen_is_a_dash_and_keeps_its_published_dash() -> None:
    table = grid("t", summarise(ROWS, [result(10, 0, None, simulated=False)], {}), simulated=False, folder=Path("runs"))
    assert table.lines[0][4:7] == ("-", "-", "")


def test_settings_that_are_not_the_papers_are_said() -> None:
    rows = [{**ROWS[7], "changed": ["max_epochs=2"]}]
    table = grid("t", summarise(rows, [result(8, 0, 0.5, simulated=False)], {}), simulated=False, folder=Path("r"))
    assert "Not the paper's settings: max_epochs=2." in table.notes


@pytest.fixture
def hostile() -> Grid:
    return Grid("50 % & more_", ("a|b", "c"), (("x,y", '"q" ± 1'), ("{\\}", "~^#$")), ("note",))


def test_csv_quotes(hostile: Grid) -> None:
    assert list(csv.reader(io.StringIO(to_csv(hostile)))) == [["a|b", "c"], ["x,y", '"q" ± 1'], ["{\\}", "~^#$"]]


def test_markdown_escapes_bars(hostile: Grid) -> None:
    assert "| a\\|b | c |\n|---|---|\n| x,y |" in to_markdown(hostile)


def test_latex_escapes_and_keeps_booktabs(hostile: Grid) -> None:
    text = to_latex(hostile)
    assert "\\caption{50 \\% \\& more\\_}" in text
    assert '"q" $\\pm$ 1 \\\\' in text
    assert "\\{\\textbackslash{}\\} & \\textasciitilde{}\\textasciicircum{}\\#\\$ \\\\" in text
    assert [rule for rule in ("toprule", "midrule", "bottomrule") if f"\\{rule}" not in text] == []


def test_all_four_files_are_written(tmp_path: Path) -> None:
    records = summarise(ROWS, [result(8, 0, 0.5, simulated=False)], {})
    table = grid("t", records, simulated=False, folder=tmp_path)
    write_table(tmp_path, table, records, about={"table": "table2"})
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv", "table.md", "table.tex", "table.json"}
    content = json.loads((tmp_path / "table.json").read_text())
    assert content["rows"][0]["measured"]["test"]["mean"] == 0.5
    assert content["rows"][0]["difference_points"]["test"] == pytest.approx(-24.05, abs=1e-12)
