"""`plan`: how long the full release would take on N machines, and what it would cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import AsJson, parse_range, print_json

MAX_MACHINES, MAX_TASKS = 10_000, 100_000


def plan(
    what: Annotated[Literal["reproduce", "extract"], typer.Argument(help="Trainings, or the features of all halves.")],
    rows: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Rows of a table (reproduce); 10 if not given.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Seeds of each row (reproduce); 10 if not given.")
    ] = None,
    heads: Annotated[
        int | None, typer.Option(min=1, max=100, help="Heads of each (reproduce); 6 if not given.")
    ] = None,
    halves: Annotated[
        int | None, typer.Option(min=1, max=MAX_TASKS, help="Halves (extract); the 1100 of the release if not given.")
    ] = None,
    half_s: Annotated[
        float | None, typer.Option(min=1, max=10_000, help="Seconds of each half (extract); 2750 if not given.")
    ] = None,
    workers: Annotated[
        str, typer.Option(help="Machines, or GPUs, such as 8 or 1-4,8; a line each.")
    ] = "1,2,4,8,16,32,64,128,256",
    measured: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Times are those of what was finished in it; else of one H100."),
    ] = None,
    losses_per_hour: Annotated[
        float, typer.Option(min=0, max=60, help="How often an hour each machine is lost, as by preemption.")
    ] = 0.0,
    price: Annotated[float | None, typer.Option(min=0, help="Of a machine an hour, in any currency.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hours and cost of rows × seeds × heads, or of the five models over all halves; nothing is run.

    Examples: soccerbench plan reproduce --rows 8 --seeds 5 --heads 1 --workers 8 --price 2.5;
    soccerbench plan extract --measured features --workers 1-16 --losses-per-hour 0.1
    """
    from dataclasses import asdict

    from soccerbench.experiments.executors.forecast import HALF_S, HALVES, experiment_costs, extraction_costs, forecast
    from soccerbench.report.console import print_table
    from soccerbench.report.tables.forecast import forecast_table

    trainings = {"--rows": rows, "--seeds": seeds, "--heads": heads}
    others = trainings if what == "extract" else {"--halves": halves, "--half-s": half_s}
    unused = [option for option, value in others.items() if value is not None]
    if unused:
        raise ValueError(f"plan {what}: leave out {', '.join(unused)}")
    if what == "reproduce":
        costs = experiment_costs((rows or 10) * (seeds or 10) * (heads or 6), measured)
        title = f"{len(costs)} trainings"
    else:
        costs = extraction_costs(halves or HALVES, half_s or HALF_S, measured)
        title = f"{len(costs)} halves of {half_s or HALF_S:g} s"
    counts = parse_range("--workers", workers)
    if not 0 < min(counts) <= max(counts) <= MAX_MACHINES:
        raise ValueError(f"--workers {workers!r}: give numbers from 1 to {MAX_MACHINES}")
    found = forecast(costs, counts, losses_per_hour=losses_per_hour)
    if as_json:
        print_json([asdict(one) | {"cost": None if price is None else price * one.machine_hours} for one in found])
    else:
        print_table(forecast_table(title, found, losses_per_hour=losses_per_hour, price=price))
