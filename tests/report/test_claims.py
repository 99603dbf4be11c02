"""The paper's claims: its sentences and its tables both shown, measured with an interval, and judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError, SpecError
from soccerbench.experiments.compare_runs import compare_runs
from soccerbench.report.claims import FAILS, HOLDS, UNKNOWN, UNRELEASED, Judged, judge, verdict
from soccerbench.report.console import print_table
from soccerbench.report.table import Range
from soccerbench.report.tables.claims import claims_json, claims_table
from soccerbench.specs.claims import claim_text, load_claims

CLAIMS = load_claims()


def claim(number: int):
    return CLAIMS.sentences[number - 1]


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (1, [9.66, 9.81]),
        (2, [5.01, 5.16, 9.68, 8.73]),  # stated as 5 to 9
        (3, [1.17, 1.11]),
        (5, [1.41, 2.11]),  # stated as 1.5 to 2
        (6, [0.21]),
        (8, [74.84]),
        (12, [None, 2.93]),
        (13, [None, 1.82]),
        (14, [12.33]),
        (16, [None]),
    ],
)
def test_what_the_papers_tables_say(number: int, printed: list[float | None]) -> None:
    assert [pair.printed(scored) for pair in claim(number).pairs for scored in pair.scored] == printed


@pytest.mark.parametrize(
    ("number", "interval", "expected"),
    [
        (1, (9.2, 11.0), HOLDS),
        (1, (0.1, 9.0), HOLDS),  # meets 9
        (1, (0.1, 8.9), FAILS),
        (1, (10.1, 12.0), FAILS),
        (1, (-1.0, 9.5), UNKNOWN),
        (9, (0.1, 5.0), HOLDS),  # no number is stated
        (9, (-0.1, 5.0), UNKNOWN),
        (9, (-5.0, -0.1), FAILS),
        (6, (-0.9, 0.9), HOLDS),
        (6, (-0.9, 1.1), UNKNOWN),
        (6, (1.1, 3.0), FAILS),
        (16, (45.1, 49.0), HOLDS),
        (16, (40.0, 49.0), UNKNOWN),
        (16, (40.0, 45.0), FAILS),
    ],
)
def test_verdicts(number: int, interval: tuple[float, float], expected: str) -> None:
    assert verdict(CLAIMS, claim(number), Range(*interval)) == expected


def test_without_runs_every_pair_says_why(tmp_path: Path) -> None:
    name, simulated, lines = judge(CLAIMS, tmp_path, dataset=None)
    by_claim: dict[int, list[Judged]] = {}
    for line in lines:
        by_claim.setdefault(line.claim.claim, []).append(line)
    assert (name, simulated, len(by_claim)) == ("no data", False, len(CLAIMS.sentences))
    assert {line.verdict for line in by_claim[3]} == {UNRELEASED}
    assert "mega-gta" in by_claim[3][0].reason
    assert (by_claim[5][0].verdict, by_claim[5][0].reason) == (
        UNKNOWN, "missing: soccerbench reproduce table2 --rows 6,8",
    )  # fmt: skip
    assert by_claim[20][0].verdict == UNRELEASED
    assert all(line.points is None for line in lines)


@pytest.fixture(scope="module")
def runs(train_rows: Callable[..., Path], shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_rows(shared_tiny_root, tmp_path_factory.mktemp("runs"), 7, 8, seeds=(0, 1))


def test_measured_numbers_are_those_of_compare(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, simulated, lines = judge(CLAIMS, runs, dataset=None, repetitions=50)
    assert (name, simulated) == ("tiny", True)
    measured = {line.claim.claim: line for line in lines if line.points is not None}
    assert sorted(measured) == [7, 16]
    rows = [runs / "tiny" / "table2" / f"row-0{row}" for row in (7, 8)]
    report = compare_runs(a=rows[0], b=rows[1], split="test", tolerances="loose", repetitions=50)
    line = measured[7]
    assert line.points == pytest.approx(100 * report.difference, abs=1e-12)
    assert tuple(line.interval) == pytest.approx((100 * report.interval.low, 100 * report.interval.high), abs=1e-12)
    assert line.reason.endswith("games, 2 seeds")
    assert line.coverage == report.interval_coverage
    assert measured[16].verdict == FAILS
    assert measured[16].reason.startswith("less than stated; ")  # 47.05 % tight, of a head of two epochs
    tight = [
        compare_runs(a=rows[0], b=rows[1], split="test", tolerances="tight", repetitions=1).a,
        measured[16].points / 100,
    ]
    assert np.ptp(tight) < 1e-12
    assert measured[16].interval.low <= measured[16].points <= measured[16].interval.high
    missing = next(line for line in lines if line.claim.claim == 5)
    assert missing.reason == "missing: soccerbench reproduce table2 --rows 6"
    drawn = claims_table(CLAIMS, lines, dataset=name, simulated=simulated)
    assert drawn.notes[0].startswith("Simulated features")
    assert f"In simulations {line.coverage:.0%} of such intervals of a difference contain the truth." in drawn.notes
    print_table(drawn, width=80)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    assert claims_json(line)["pair"] == {"table": "table2", "a": 7, "b": 8}


def test_the_command_writes_the_table(runs: Path) -> None:
    done = CliRunner().invoke(app, ["reproduce", "claims", "--out", str(runs), "--data", "tiny"])
    assert done.exit_code == 0, done.output
    assert {file.name for file in (runs / "tiny" / "claims").iterdir()} == {
        "table.csv", "table.md", "table.tex", "table.json",
    }  # fmt: skip
    assert CliRunner().invoke(app, ["list", "claims"]).exit_code == 0
    wrong = CliRunner().invoke(app, ["reproduce", "claims", "--rows", "1"])
    assert "claims trains nothing: leave out --rows" in str(wrong.exception)


def test_runs_of_two_datasets_need_a_choice(runs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name / "table2" / "row-08" / "seed-0"
        folder.mkdir(parents=True)
        text = (runs / "tiny" / "table2" / "row-08" / "seed-0" / "result.json").read_text()
        (folder / "result.json").write_text(
            text.replace('"dataset":"tiny"', f'"dataset":"{name}"').replace('"dataset": "tiny"', f'"dataset": "{name}"')
        )
    with pytest.raises(InputError, match="holds runs on one, two; choose one with --data"):
        judge(CLAIMS, tmp_path, dataset=None)


def test_a_claim_as_yaml() -> None:
    assert "text: additional 1.5 to 2 % gain" in claim_text(CLAIMS, 5)
    with pytest.raises(SpecError, match="no claim 99"):
        claim_text(CLAIMS, 99)
