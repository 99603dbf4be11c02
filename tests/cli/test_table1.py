"""Table 1 through the verbs that take a table."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import SpecError
from soccerbench.report.tables.specs import accuracies, table_of_extractors
from soccerbench.specs.shipped import shipped
from soccerbench.specs.video_models import load_extractors

TABLE_1 = str(shipped("reproduce") / "table1.yaml")


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_list_shows_the_same_by_every_name() -> None:
    drawn = output("list", "extractors")
    assert drawn == output("list", "table1") == output("list", TABLE_1)
    for shown in ("117,837,924", "vit_base_patch16_224", "IG65M + K400", "32 at 12/s", "82.6"):
        assert shown in drawn


def test_pretrain_says_what_a_measured_run_started_from() -> None:
    (record,) = (record for record in accuracies(shipped("results")) if record.model == "ircsn")
    start = "w.pth: irCSN in the layout of VMZ; its classifier of 400 classes is left out"
    for given, shown in (
        (record, "random weights"),
        (record.model_copy(update={"started_from": start}), start.partition(";")[0]),
    ):
        drawn = table_of_extractors(load_extractors(), [given])
        cells = [line[drawn.header.index("Pretrain, measured")] for line in drawn.lines]
        assert cells == ["-", "-", "-", "-", shown, "-"]


def test_list_names_it_among_the_tables() -> None:
    first = next(line for line in output("list").splitlines() if line.startswith("│"))
    assert first.split("│")[1].strip() == "table1"


def test_a_table_that_is_none_names_all() -> None:
    with pytest.raises(
        SpecError, match=r"^tabel2: no such table \(did you mean 'table2'\?\); shipped are .*table1, table2, "
    ):
        CliRunner().invoke(app, ["list", "tabel2"], catch_exceptions=False)


def test_show_and_validate() -> None:
    assert "why: the released configuration for 32 frames" in output("show", "table1", "2")
    assert "digest: " in output("show", TABLE_1, "6")
    assert output("validate", TABLE_1) == f"{TABLE_1}: 6 rows, all valid\n"


def test_reproduce_says_what_to_run_instead() -> None:
    with pytest.raises(SpecError, match=r"^table1: its rows are video models: .*`soccerbench finetune MODEL`"):
        CliRunner().invoke(app, ["reproduce", "table1"], catch_exceptions=False)
