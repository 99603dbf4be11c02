"""`data videos`: write a simulated root of video files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_GAMES, MAX_SEED


def videos(
    out: Annotated[Path, typer.Argument(help="A new or an empty folder.")],
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Draws events, motions and colours.")] = 0,
    games: Annotated[int, typer.Option(min=4, max=MAX_GAMES, help="How many games, over all splits.")] = 24,
    minutes: Annotated[float, typer.Option(help="Length of each half.")] = 5.0,
) -> None:
    """Write small videos of moving players, whose motion shows the event: the same bytes for the same seed.

    Examples: soccerbench data videos my-videos;
    soccerbench data videos few --games 4 --minutes 1 --seed 7
    """
    from soccerbench.report.console import bar
    from soccerbench.simulation.videos import write_videos

    with bar("data videos") as progress:
        write_videos(out, seed=seed, games=games, minutes=minutes, progress=progress)
    typer.echo(f"{out}: {games} games, simulated (generator and seed in features.json)", err=True)
