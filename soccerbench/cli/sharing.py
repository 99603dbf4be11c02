"""`export`, `push`, `pull`, `leaderboard`: results for others, and those of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import Runs, RunsOut


def export(
    runs: Runs,
    to: Annotated[Literal["hf-eval-results", "model-card", "csv", "parquet"], typer.Option(help="The form.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File of csv and parquet, folder of the others; results.csv, card, … by default."),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Dataset of the hub that hf-eval-results are about.")
    ] = None,
) -> None:
    """Write the scores of runs as evaluation results of the Hugging Face hub, a model card, a CSV or a Parquet file.

    All have published and measured score, interval over games, seeds, signature and data fingerprint.

    Examples: soccerbench export runs --to csv --out scores.csv;
    soccerbench export runs/mini/table2/row-08 --to model-card --out card
    """
    from soccerbench.report.console import busy, note
    from soccerbench.sharing.export import export as write

    default = f"results.{to}" if to in ("csv", "parquet") else to
    with busy("export"):
        files = write(runs, to=to, out=out or Path(default), benchmark=benchmark)
    for file in files:
        note(f"Wrote {file}.")


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
    out: RunsOut = Path("runs"),
) -> None:
    """Pull the runs of one row from the Hugging Face hub, and verify sizes, checksums and scores.

    Weights are not opened; `spot` reads tensors only, never code.

    Examples: soccerbench pull hf://me/spotting-row-8; soccerbench pull hf://me/spotting-row-8@v1 --out theirs
    """
    from soccerbench.report.console import note
    from soccerbench.sharing.hub import pull as download

    for folder in download(source, out, say=note):
        note(f"Wrote {folder}.")


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="One folder a person, with runs anywhere below it.")],
    labels: Annotated[
        Path | None, typer.Option(help="Folder or zip with the labels, to score the predictions again.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("leaderboard.html"),
) -> None:
    """Write a static page that ranks the results of many people: published, measured, interval, signature, who.

    Results whose scores do not follow from their games (with --labels, predictions) are named and left out.

    Examples: soccerbench leaderboard results-of-all; soccerbench leaderboard results-of-all --labels labels.zip
    """
    from soccerbench.files import write_bytes
    from soccerbench.report.console import busy, note
    from soccerbench.sharing.leaderboard import leaderboard as page

    with busy("leaderboard"):
        written = page(folder, labels=labels, say=note)
    write_bytes(out, written)
    note(f"Wrote {out}.")
