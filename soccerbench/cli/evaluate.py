"""`evaluate`: the score of a submission."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import (
    MAX_MIB,
    AsJson,
    Labels,
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


def evaluate(
    task: Annotated[TaskOption, typer.Argument(help="What was submitted to.")],
    labels: Labels,
    predictions: Annotated[Path, typer.Option(help="Folder, zip or JSON file with the predictions.")],
    split: Split = "test",
    tolerances: Tolerances = "loose",
    protocol: Protocol = ProtocolName.soccernet,
    json: AsJson = False,
    classes: Annotated[
        str | None,
        typer.Option(help="Score only these (spotting), such as Goal,Penalty; unshown is still scaled by 17/13."),
    ] = None,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples of the games, for confidence intervals.")] = 0,
    signature: Annotated[bool, typer.Option("--signature", help="Print only the signature of the score.")] = False,
    seed: Seed = 0,
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Score predictions against labels, with the number that the official scorer gives.

    Examples: soccerbench evaluate spotting --labels labels.zip --predictions results.zip;
    soccerbench evaluate spotting --labels labels.zip --predictions results.zip --tolerances tight --bootstrap 1000
    """
    from soccerbench.api import evaluate as score
    from soccerbench.report.console import busy, print_table
    from soccerbench.report.tables.scores import evaluation_table

    with busy("evaluate"):
        evaluation = score(
            task=task.value, labels=labels, predictions=predictions, split=split, tolerances=tolerances,
            protocol=protocol.value, bootstrap=bootstrap, seed=seed,
            classes=None if classes is None else [name.strip() for name in classes.split(",")], max_mib=max_mib,
        )  # fmt: skip
    print_warnings(evaluation.warnings)
    if signature:
        typer.echo(evaluation.signature)
    elif json:
        print_json(evaluation.report())
    else:
        print_table(evaluation_table(evaluation))
