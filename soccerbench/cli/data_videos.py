"""`data videos`: write a simulated root of video files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def videos(
    out: Annotated[Path, typer.Argument(help="A new or an empty folder.")],
    seed: Annotated[int, typer.Option(min=0, help="Draws events, motions and colours.")] = 0,
    games: Annotated[int, typer.Option(min=4, help="How many games, over all splits.")] = 24,
    minutes: Annotated[float, typer.Option(help="Length of each half.")] = 5.0,
) -> None:
    """Write small videos of moving players, whose motion tells the event: the same bytes for the same seed.

    Examples: soccerbench data videos my-videos;
    soccerbench data videos few --games 4 --minutes 1 --seed 7
    """
    from soccerbench.simulation.videos import write_videos

    def tell(done: int, games: int) -> None:
        end = "\n" if done == games else ""
        typer.echo(f"\rgame {done} of {games}{end}", err=True, nl=False)

    write_videos(out, seed=seed, games=games, minutes=minutes, progress=tell if sys.stderr.isatty() else None)
    typer.echo(f"{out}: {games} games, simulated (generator and seed in features.json)", err=True)
