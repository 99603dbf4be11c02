"""`tune`: choose the post-processing of a trained spotting run on the validation games."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import AsJson, print_json


def tune(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    data: Annotated[
        str | None, typer.Option(help="The SoccerNet folder of the run, or `mini`; without it as for `report`.")
    ] = None,
    tolerances: Annotated[Literal["loose", "tight"], typer.Option(help="What the best is chosen by.")] = "tight",
    split: Annotated[str, typer.Option(help="Only valid: test and challenge are for the final score.")] = "valid",
    plugin: Annotated[Path | None, typer.Option(help="The Python file of a custom head.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: AsJson = False,
) -> None:
    """Try kinds and windows of suppression on the validation games; every trial is written to tuning.json in the run.

    Example: soccerbench tune runs/mini/table2/row-08/seed-0
    """
    from soccerbench.errors import InputError
    from soccerbench.experiments.default_dataset import root_of_runs
    from soccerbench.inference.run import load_run
    from soccerbench.inference.tune import tune as tuned
    from soccerbench.inference.tune import write_tuning
    from soccerbench.report.console import bar, note, print_table
    from soccerbench.report.tables.tuning import as_yaml, tuning_table

    if not run.is_dir():
        raise InputError(run, "is not the folder of a run", "give one, such as runs/mini/table2/row-08/seed-0")
    trained = load_run(run, plugin=plugin, device=device)
    root = root_of_runs([trained.about.dataset], data)
    if root is None:
        raise InputError(run, f"was made on {trained.about.dataset}", "give that folder with --data")
    with bar("tune") as progress:
        found = tuned(trained, root, tolerances=tolerances, split=split, progress=progress)
    file = write_tuning(run, found)
    content = found.to_json()
    if json:
        print_json(content)
    else:
        print_table(tuning_table(content))
        typer.echo(as_yaml(content), nl=False)
    note(f"Wrote {file}.")
