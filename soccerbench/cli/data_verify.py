"""`data verify`: find what is wrong with a root before training does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_WORKERS, AsJson, print_json


def verify(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder, plain or packed.")],
    as_json: AsJson = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=MAX_WORKERS, help="Threads; as many as there are cores, at most 4.")
    ] = None,
) -> None:
    """Read every feature file once and compare it with what it should be; exit code 1 if anything is wrong.

    Missing halves, shapes, types, values that are not finite, rows of zeros, constant blocks, the order of the blocks,
    lengths against labels and other files, checksums where the root has any.

    Examples: soccerbench data verify /data/SoccerNet;
    soccerbench data verify packed --json
    """
    from soccerbench.features.verify import verify as verify_root
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.checks import verification_json, verification_table

    with bar("verify", in_bytes=True) as progress:
        report = verify_root(root, workers=workers, progress=progress)
    if as_json:
        print_json(verification_json(report))
    else:
        print_table(verification_table(report))
    if not report.ok:
        raise typer.Exit(1)
