"""The paper's tables: published numbers next to measured ones on real data, none on simulated data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.results import Result
from soccerbench.report.table import Table
from soccerbench.report.tables.paper import paper_table, step_text, summarise, write_table
from soccerbench.scoring.schema import SpottingScores
from soccerbench.specs.load import load_table

ROWS = [row.model_dump(mode="json") for row in load_table("table2").rows]


def result(row: int, seed: int, test: float | None, *, simulated: bool, challenge: float | None = None) -> Result:
    """A result, as far as tables read it."""
    scores = {"test": test} if challenge is None else {"test": test, "challenge": challenge}
    return Result.model_construct(
        row=row,
        seed=seed,
        simulated=simulated,
        digest="d" * 16,
        scores={
            split: None
            if score is None
            else {
                "loose": SpottingScores.model_construct(average_map=score),
                "tight": SpottingScores.model_construct(average_map=score / 4),
            }
            for split, score in scores.items()
        },
        submissions={split: f"predictions-{split}.zip" for split in ("test", "challenge")},
    )


def drawn(records: list[dict[str, Any]], *, simulated: bool, folder: Path = Path("runs")) -> Table[Any]:
    return paper_table("t", records, dataset="d", task="spotting", simulated=simulated, folder=folder)


def test_on_real_data_published_measured_and_difference_have_their_columns() -> None:
    results = [
        result(8, 0, 0.73, simulated=False),
        result(8, 1, 0.74, simulated=False),
        result(7, 0, 0.7, simulated=False),
    ]
    records = summarise(ROWS, results, {2: "needs features"})
    found = drawn(records, simulated=False)
    assert found.header[4:] == (
        "Test loose, published", "Test loose, measured", "Test loose, difference", "Test tight",
        "Challenge loose, published", "Challenge loose, measured", "Challenge loose, difference", "Challenge tight",
    )  # fmt: skip
    by_row = {line[0]: line[1:] for line in found.lines}
    submissions = "row-08/seed-0/predictions-challenge.zip, row-08/seed-1/predictions-challenge.zip"
    assert by_row["8"] == (
        "five", "netvlad++", "7/20", "74.05", "73.50 ± 0.71", "-0.55", "18.38 ± 0.18", "73.19", submissions, "", "-",
    )  # fmt: skip
    assert by_row["7"][7] == "N/A"
    assert by_row["2"][3:5] == ("62.96", "not run")
    assert set(by_row) == {"2", "7", "8"}
    assert any("Row 2 not run: needs features" in note for note in found.notes)
    assert any("over 1/2 seeds" in note for note in found.notes)


def test_on_simulated_features_no_published_number_is_shown_and_a_line_says_why() -> None:
    records = summarise(ROWS, [result(8, 0, 0.35, simulated=True, challenge=0.4)], {})
    found = drawn(records, simulated=True)
    text = found.to_csv() + found.to_markdown() + found.to_latex() + json.dumps(records)
    assert "74.05" not in text
    assert "73.19" not in text
    assert found.header[4:] == ("Test loose", "Test tight", "Challenge loose", "Challenge tight")
    assert found.lines == (("8", "five", "netvlad++", "7/20", "35.00", "8.75", "40.00", "10.00"),)
    assert "not comparable with the paper" in found.notes[0]
    some_ran = summarise(ROWS, [result(8, 0, 0.35, simulated=True)], {2: "needs features"})
    assert [record["published"] for record in some_ran] == [{}, {}]
    none_ran = summarise(ROWS, [], {2: "needs features", 8: "needs features"}, simulated=True)
    assert [record["published"] for record in none_ran] == [{}, {}]


def test_a_split_that_was_seen_is_a_dash_and_keeps_its_published_dash() -> None:
    found = drawn(summarise(ROWS, [result(10, 0, None, simulated=False)], {}), simulated=False)
    assert found.lines[0][4:7] == ("-", "-", "")


def test_published_tight_scores_have_their_columns_and_their_source_a_note() -> None:
    row = {**ROWS[7], "published": {"test": 78.59, "test tight": 65.07}, "published_in": "somewhere; with audio"}
    found = drawn(summarise([row], [result(8, 0, 0.5, simulated=False)], {}), simulated=False)
    assert found.header[7:10] == ("Test tight, published", "Test tight, measured", "Test tight, difference")
    assert found.lines[0][7:10] == ("65.07", "12.50", "-52.57")
    assert "Rows 8, published: somewhere; with audio." in found.notes
    simulated = drawn(summarise([row], [result(8, 0, 0.5, simulated=True)], {}), simulated=True)
    assert not any("somewhere" in note for note in simulated.notes)


def test_settings_that_are_not_the_papers_are_listed() -> None:
    rows = [{**ROWS[7], "changed": ["max_epochs=2"]}]
    found = drawn(summarise(rows, [result(8, 0, 0.5, simulated=False)], {}), simulated=False)
    assert "Not the paper's settings: max_epochs=2." in found.notes


def test_all_four_files_are_written(tmp_path: Path) -> None:
    records = summarise(ROWS, [result(8, 0, 0.5, simulated=False)], {})
    found = drawn(records, simulated=False, folder=tmp_path)
    write_table(tmp_path, found, about={"table": "table2"})
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv", "table.md", "table.tex", "table.json"}
    content = json.loads((tmp_path / "table.json").read_text())
    assert content["rows"][0]["measured"]["test"]["mean"] == 0.5
    assert content["rows"][0]["difference_points"]["test"] == pytest.approx(-24.05, abs=1e-12)


def test_names_and_settings_are_explained_below_the_table() -> None:
    notes = drawn(summarise(ROWS, [result(8, 0, 0.5, simulated=False)], {}), simulated=False).notes
    assert notes[0] == "Chunk: seconds of features the head sees at once; NMS and other steps: window in seconds."
    assert "five: tpn-r101, gta, vtn, ircsn, i3d-slow." in notes
    assert not any(note.startswith("four:") for note in notes)  # no row uses it


@pytest.mark.parametrize(("naive", "learned", "noted"), [(0.5, 0.4, True), (0.4, 0.5, False)])
def test_a_naive_row_above_a_learned_one_is_explained(naive: float, learned: float, noted: bool) -> None:
    rows = [{**ROWS[7], "row": 31, "head": "naive"}, ROWS[7]]
    results = [result(31, 0, naive, simulated=False), result(8, 0, learned, simulated=False)]
    notes = drawn(summarise(rows, results, {}), simulated=False).notes
    assert any(note.startswith("On test a naive row scores above rows 8:") for note in notes) == noted


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"step": "nms", "join": {"table": None, "row": 4}, "window_s": 6.0}, "nms 6"),
        (
            {"step": "soft-nms", "window_s": [8.0] * 17, "decay": "linear", "stop_below": 1e-5},
            "linear soft-nms per class",
        ),
        ({"step": "displace"}, "displace"),
        ({"step": "resample", "factor": 2}, "resample 2"),
        ({"step": "of-a-newcomer", "exponent": 0.5}, "of-a-newcomer 0.5"),
    ],
)
def test_a_step_is_named_with_its_first_number(step: dict[str, Any], text: str) -> None:
    assert step_text(step) == text
