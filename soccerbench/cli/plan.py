"""`plan`: how long the full release would take on N machines, and what it would cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soccerbench.cli.options import AsJson, parse_range, print_json

if TYPE_CHECKING:
    from soccerbench.experiments.executors.simulated import Cost

MAX_MACHINES, MAX_TASKS = 10_000, 100_000
plan = typer.Typer(help="Time and cost on several machines, from measured times.", no_args_is_help=True)

Workers = Annotated[str, typer.Option(help="Machines, or GPUs, such as 8 or 1-4,8; a line each.")]
Measured = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Times are those of what was finished in it; else of one H100.")
]
Losses = Annotated[float, typer.Option(min=0, max=60, help="How often an hour each machine is lost, as by preemption.")]
Price = Annotated[float | None, typer.Option(min=0, help="Of a machine an hour, in any currency.")]
EACH = "1,2,4,8,16,32,64,128,256"


@plan.command("reproduce")
def plan_reproduce(
    rows: Annotated[int, typer.Option(min=1, max=1000, help="Rows of a table.")] = 10,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Seeds of each.")] = 10,
    heads: Annotated[int, typer.Option(min=1, max=100, help="Heads of each row and seed.")] = 6,
    workers: Workers = EACH,
    measured: Measured = None,
    losses_per_hour: Losses = 0.0,
    price: Price = None,
    as_json: AsJson = False,
) -> None:
    """Hours and cost of rows × seeds × heads; trains nothing.

    Examples: soccerbench plan reproduce --rows 8 --seeds 5 --heads 1 --workers 8 --price 2.5;
    soccerbench plan reproduce --measured runs --losses-per-hour 0.1
    """
    from soccerbench.experiments.executors.forecast import experiment_costs

    costs = experiment_costs(rows * seeds * heads, measured)
    _show(f"{len(costs)} trainings", costs, workers, losses_per_hour, price, as_json=as_json)


@plan.command("extract")
def plan_extract(
    halves: Annotated[int, typer.Option(min=1, max=MAX_TASKS, help="Of the release: 1100.")] = 1100,
    half_s: Annotated[float, typer.Option(min=1, max=10_000, help="Seconds of each.")] = 2750,
    workers: Workers = EACH,
    measured: Measured = None,
    losses_per_hour: Losses = 0.0,
    price: Price = None,
    as_json: AsJson = False,
) -> None:
    """Hours and cost of the five models over all halves; extracts nothing.

    Examples: soccerbench plan extract --workers 8 --price 2.5;
    soccerbench plan extract --measured features --workers 1-16 --losses-per-hour 0.1
    """
    from soccerbench.experiments.executors.forecast import extraction_costs

    costs = extraction_costs(halves, half_s, measured)
    _show(f"{len(costs)} halves of {half_s:g} s", costs, workers, losses_per_hour, price, as_json=as_json)


def _show(
    title: str, costs: Sequence[Cost], workers: str, losses_per_hour: float, price: float | None, *, as_json: bool
) -> None:
    from dataclasses import asdict

    from soccerbench.experiments.executors.forecast import forecast
    from soccerbench.report.console import print_table
    from soccerbench.report.tables.forecast import forecast_table

    counts = parse_range("--workers", workers)
    if not 0 < min(counts) <= max(counts) <= MAX_MACHINES:
        raise ValueError(f"--workers {workers!r}: give numbers from 1 to {MAX_MACHINES}")
    found = forecast(costs, counts, losses_per_hour=losses_per_hour)
    if as_json:
        print_json([asdict(one) | {"cost": None if price is None else price * one.machine_hours} for one in found])
    else:
        print_table(forecast_table(title, found, losses_per_hour=losses_per_hour, price=price))
