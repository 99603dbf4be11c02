"""`push` and `pull`: runs to and from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def push(
    runs: Annotated[Path, typer.Argument(help="Folder with the runs of one row, such as runs/mini/table2/row-08.")],
    target: Annotated[
        str, typer.Argument(metavar="hf://OWNER/NAME", help="A model repository; made if there is none.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    benchmark: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Dataset of the hub that evaluation results are about.")
    ] = None,
) -> None:
    """Push the runs of one row to the Hugging Face hub: weights, predictions, results and a model card.

    Log in first with `hf auth login`.

    Examples: soccerbench push runs/mini/table2/row-08 hf://me/spotting-row-8 --private
    """
    from soccerbench.report.console import note
    from soccerbench.sharing.hub import push as upload

    commit = upload(runs, target, private=private, benchmark=benchmark, say=note)
    note(f"Pushed commit {commit}.")


def pull(
    source: Annotated[
        str, typer.Argument(metavar="hf://OWNER/NAME", help="As push wrote it; with @REVISION to pin it.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of all runs.")] = Path("runs"),
) -> None:
    """Pull the runs of one row from the Hugging Face hub, and verify sizes, checksums and scores.

    Weights are not opened; `spot` reads tensors only, never code.

    Examples: soccerbench pull hf://me/spotting-row-8; soccerbench pull hf://me/spotting-row-8@v1 --out theirs
    """
    from soccerbench.report.console import note
    from soccerbench.sharing.hub import pull as download

    for folder in download(source, out, say=note):
        note(f"Wrote {folder}.")
