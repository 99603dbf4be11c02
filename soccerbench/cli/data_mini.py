"""`data mini`: write a simulated dataset in the official layout."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_GAMES, MAX_SEED


class Scale(str, Enum):
    """How large the features are."""

    mini = "mini"
    release = "release"


def mini(
    out: Annotated[Path, typer.Argument(help="A new or an empty folder.")],
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Draws the matches.")] = 0,
    games: Annotated[int, typer.Option(min=4, max=MAX_GAMES, help="How many games, over all splits.")] = 24,
    scale: Annotated[
        Scale, typer.Option(help="mini: few channels, every block; release: the released files at full width.")
    ] = Scale.mini,
    labels: Annotated[
        Path | None, typer.Option(help="Folder or zip of real Labels-v2.json: only the features are simulated.")
    ] = None,
    packed: Annotated[
        bool, typer.Option("--packed", help="Write a packed root of half precision, as `data pack` would make.")
    ] = False,
) -> None:
    """Write a simulated SoccerNet: the same bytes for the same seed. Numbers measured on it are not results.

    Examples: soccerbench data mini my-mini;
    soccerbench data mini rehearsal --labels labels.zip --games 40;
    soccerbench data mini large --scale release --games 4 --packed
    """
    from soccerbench.report.console import bar
    from soccerbench.simulation.matches import write_mini

    with bar("data mini") as progress:
        write_mini(out, seed=seed, games=games, scale=scale.value, labels=labels, packed=packed, progress=progress)
    typer.echo(f"{out}: {games} games, simulated (generator and seed in features.json)", err=True)
