"""`leaderboard`: many people's results as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
