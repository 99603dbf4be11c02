"""`compare`: whether one submission is better than another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import (
    AsJson,
    Protocol,
    ProtocolName,
    Seed,
    Split,
    TaskOption,
    Tolerances,
    parse_tolerances,
    print_json,
    print_warnings,
)


def compare(
    a: Annotated[Path, typer.Argument(help="The first submission, folder or zip, or a row's folder of runs.")],
    b: Annotated[Path, typer.Argument(help="The second.")],
    labels: Annotated[
        Path | None, typer.Option(help="Folder or zip with the labels of submissions; runs need none.")
    ] = None,
    task: Annotated[TaskOption | None, typer.Option(help="What was submitted to; runs know it.")] = None,
    split: Split = "test",
    tolerances: Tolerances = "loose",
    protocol: Protocol = ProtocolName.soccernet,
    json: AsJson = False,
    repetitions: Annotated[int, typer.Option(min=1, help="Resamples and exchanges of the games.")] = 1000,
    seed: Seed = 0,
) -> None:
    """Compare two submissions game by game, or two rows by seed too, and report whether the difference is significant.

    Examples: soccerbench compare a.zip b.zip --labels labels.zip --task spotting;
    soccerbench compare runs/mini/table2/row-07 runs/mini/table2/row-08
    """
    from soccerbench.experiments.compare_runs import compare_runs
    from soccerbench.report.console import print_table
    from soccerbench.report.tables.scores import comparison_table
    from soccerbench.scoring.compare import compare_submissions

    if labels is None or task is None:
        if labels or task or protocol is not ProtocolName.soccernet:
            raise ValueError("compare: give --labels and --task for submissions, and leave --protocol out for runs")
        runs = compare_runs(a=a, b=b, split=split, tolerances=tolerances, repetitions=repetitions, seed=seed)
        report = runs.to_json()
    else:
        compared, warnings = compare_submissions(
            task=task.value,
            labels=labels,
            a=a,
            b=b,
            split=split,
            deltas_s=parse_tolerances(tolerances),
            protocol=protocol.value,
            repetitions=repetitions,
            seed=seed,
        )
        print_warnings(warnings)
        report = compared.to_json()
    if json:
        print_json(report)
    else:
        print_table(comparison_table(report))
