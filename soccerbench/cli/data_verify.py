"""`data verify`: find what is wrong with a root before training does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import AsJson, Cpus, On, print_json


def verify(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder, plain or packed.")],
    as_json: AsJson = False,
    on: On = "local",
    cpus: Cpus = None,
) -> None:
    """Read every feature file once and compare it with what it should be; exit code 1 if anything is wrong.

    Missing halves, shapes, types, values that are not finite, rows of zeros, constant blocks, the order of the blocks,
    lengths against labels and other files, checksums where the root has any.

    Examples: soccerbench data verify /data/SoccerNet;
    soccerbench data verify packed --json
    """
    from soccerbench.experiments.executors.machines import Machines
    from soccerbench.features.verify import verify as verify_root
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.checks import verification_json, verification_table

    machines = Machines(on, cpus=cpus)
    with bar("verify", in_bytes=True) as progress:
        report = machines.call(
            lambda steps: verify_root(root, workers=cpus, progress=steps),
            title="verify",
            folder=Path("verify"),  # steps and logs go into the present folder: the root may be read-only
            progress=progress,
        )
    if as_json:
        print_json(verification_json(report))
    else:
        print_table(verification_table(report))
    if not report.ok:
        raise typer.Exit(1)
