"""`compare`: whether one submission is better than another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import (
    MAX_MIB,
    AsJson,
    MaxMib,
    Protocol,
    ProtocolName,
    Seed,
    Split,
    TaskOption,
    Tolerances,
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
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Compare two submissions game by game, or two rows over games and seeds; is the difference significant?

    Examples: soccerbench compare a.zip b.zip --labels labels.zip --task spotting;
    soccerbench compare runs/mini/table2/row-07 runs/mini/table2/row-08
    """
    from soccerbench.api import compare as compared
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.scores import comparison_table

    with bar("compare") as progress:
        found = compared(
            a, b, labels=labels, task=None if task is None else task.value, split=split, tolerances=tolerances,
            protocol=protocol.value, repetitions=repetitions, seed=seed, progress=progress,
            max_mib=max_mib,
        )  # fmt: skip
    print_warnings(Counter(found.warnings))
    report = found.to_json()
    if json:
        print_json(report)
    else:
        print_table(comparison_table(report))
