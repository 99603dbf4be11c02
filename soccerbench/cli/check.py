"""`check`: whether runs still give the numbers of the records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import AsJson, Runs, print_json


def check(
    runs: Runs,
    baseline: Annotated[
        Path | None, typer.Option(help="Folder of records, or one table's own in it; the shipped results if not given.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Show the difference, then make the records (of --baseline) again.")
    ] = False,
    as_json: AsJson = False,
    speed: Annotated[bool, typer.Option("--speed", help="Compare seconds too: on the record's machine only.")] = False,
) -> None:
    """Compare runs with the records, and metric and untrained steps with fixtures; exit code 1 if anything drifted.

    Examples: soccerbench check runs; soccerbench check runs --baseline results/mini/table2 --update
    """
    from soccerbench.errors import InputError
    from soccerbench.experiments.checks.exact_checks import check_exact
    from soccerbench.experiments.drift import CheckReport, check_row, rows_of_baseline
    from soccerbench.experiments.metric_fixtures import check_fixtures
    from soccerbench.experiments.records import write_records
    from soccerbench.experiments.results import by_row, read_runs
    from soccerbench.report.console import busy, note, print_table
    from soccerbench.report.tables.checks import drift_table
    from soccerbench.specs.shipped import is_checkout, shipped

    if baseline is None and update and not is_checkout():
        raise ValueError("check --update: give --baseline FOLDER; the shipped records belong to the installed package")
    if baseline is not None and not update and not baseline.is_dir():
        raise InputError(baseline, "no such folder", "give a folder of records; --update makes one")
    results = baseline or shipped("results")
    with busy("check"):
        count, wrong = check_fixtures(shipped("results") / "fixtures")
        steps, changed = check_exact(shipped("results") / "fixtures")
        rows = rows_of_baseline(by_row(read_runs(runs)), results)
        checks = [check_row(row, results, speed=speed) for row in rows]
    drifted = bool(wrong or changed) or any(row.drifted for row in checks)
    if as_json:
        report = CheckReport(
            version=1, metric_numbers=count, metric_differences=tuple(wrong), exact_steps=steps,
            exact_differences=tuple(changed), rows=tuple(checks), drifted=drifted,
        )  # fmt: skip
        print_json(report.to_json())
    else:
        for line in wrong:
            typer.echo(f"metric: {line}")
        for line in changed:
            typer.echo(f"step: {line}")
        typer.echo(f"Metric: {count} committed numbers, {len(wrong)} fields differ by more than 1e-12.")
        typer.echo(f"Steps from files to scores: {steps} committed results, {len(changed)} differ.")
        print_table(drift_table(checks))
    if update and not (wrong or changed):
        for file in write_records(results, rows):
            note(f"Wrote {file}.")
    elif drifted:
        raise typer.Exit(1)
