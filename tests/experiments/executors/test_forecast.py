"""How long it would take, on machines that are only simulated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.experiments.executors.forecast import START_S, Cost, experiment_costs, extraction_costs, forecast

DOCS = Path(__file__).resolve().parents[3] / "docs" / "machines.md"


@pytest.mark.parametrize(
    ("seconds", "machines", "total_s"),
    [
        ([100, 100, 100, 100], 1, 480),
        ([100, 100, 100, 100], 2, 240),
        ([100, 100, 100, 100], 3, 240),
        ([100, 100, 100, 100], 9, 120),
        ([30, 100, 50], 2, 120),  # the third begins when the first ends, at 50 s, and takes 70
    ],
)
def test_without_losses_it_is_the_sum_of_what_follows_each_other(
    seconds: list[float], machines: int, total_s: float
) -> None:
    (found,) = forecast([Cost(one) for one in seconds], [machines])
    assert found.hours * 3600 == pytest.approx(total_s, rel=1e-12)
    assert found.speed_up == pytest.approx((sum(seconds) + len(seconds) * START_S) / total_s, rel=1e-12)
    assert found.machine_hours == machines * found.hours
    assert found.lost == 0


def test_losses_repeat_what_was_not_kept() -> None:
    whole, in_steps = Cost(3600), Cost(3600, steps=60)
    (of_whole,) = forecast([whole] * 20, [4], losses_per_hour=1)
    (of_steps,) = forecast([in_steps] * 20, [4], losses_per_hour=1)
    (of_none,) = forecast([whole] * 20, [4])
    assert of_whole.lost > of_steps.lost > 0
    assert of_whole.hours > of_steps.hours > of_none.hours
    assert of_steps.hours < 1.1 * of_none.hours
    assert forecast([whole] * 20, [4], losses_per_hour=1) == [of_whole]
    assert forecast([whole] * 20, [4], losses_per_hour=1, seed=1) != [of_whole]


def test_costs_are_those_measured(tmp_path: Path) -> None:
    assert 60 < experiment_costs(3, None)[0].seconds < 120  # row 8 on an H100
    assert 20 < extraction_costs(1, 2750, None)[0].seconds < 100
    features = {"vtn": {"rows": 90, "pass_s": 30.0}, "gta": {"rows": 90, "pass_s": 30.0}}
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "1_extraction.json").write_text(json.dumps({"features": features}))
    assert extraction_costs(2, 300, tmp_path) == [Cost(100.0)] * 2
    for costs in (lambda folder: extraction_costs(1, 1, folder), lambda folder: experiment_costs(1, folder)):
        with pytest.raises(InputError, match="empty: "):
            costs(tmp_path / "empty")


@pytest.mark.parametrize("verb", ["reproduce", "extract"])
def test_the_table_of_the_docs_is_what_the_command_prints(verb: str) -> None:
    page = DOCS.read_text("utf-8")
    (command,) = re.findall(rf"^soccerbench (plan {verb} .*)$", page, re.MULTILINE)
    result = CliRunner().invoke(app, [*command.split(), "--json"])
    assert result.exit_code == 0, result.output
    rows = [
        f"| {one['machines']} | {one['hours']:.2f} | {one['speed_up']:.1f} | {one['speed_up'] / one['machines']:.2f} "
        f"| {one['machine_hours']:.1f} | {one['lost']} |"
        for one in json.loads(result.stdout)
    ]
    assert "\n".join(rows) in page
    assert "of ideal" in CliRunner().invoke(app, command.split()).stdout


@pytest.mark.parametrize("workers", ["0", "1,10001", "many"])
def test_other_numbers_of_machines_are_refused(workers: str) -> None:
    result = CliRunner().invoke(app, ["plan", "extract", "--workers", workers])
    assert isinstance(result.exception, ValueError)
    assert "--workers" in str(result.exception)
