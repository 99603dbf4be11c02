"""`compare`: whether one submission is better than another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import (
    AsJson,
    Labels,
    Protocol,
    ProtocolName,
    Seed,
    Split,
    Task,
    Tolerances,
    parse_tolerances,
    print_json,
    tell_warnings,
)


def compare(
    a: Annotated[Path, typer.Argument(help="Folder or zip with the first submission.")],
    b: Annotated[Path, typer.Argument(help="Folder or zip with the second.")],
    labels: Labels,
    task: Annotated[Task, typer.Option(help="What was submitted to.")],
    split: Split = "test",
    tolerances: Tolerances = "loose",
    protocol: Protocol = ProtocolName.soccernet,
    json: AsJson = False,
    repetitions: Annotated[int, typer.Option(min=1, help="Resamples and exchanges of the games.")] = 1000,
    seed: Seed = 0,
) -> None:
    """Compare two submissions game by game, and say whether so many games can tell them apart.

    Example: soccerbench compare mine.zip theirs.zip --labels labels.zip --task spotting
    """
    from soccerbench.report.scores import comparison_grid
    from soccerbench.report.terminal import print_grid
    from soccerbench.runner.comparing import compare_submissions

    compared = compare_submissions(
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
    tell_warnings(compared.a.warnings | compared.b.warnings)
    if json:
        print_json(compared.report())
    else:
        print_grid(comparison_grid(compared.report()))
