"""`snippets`: the 18-class snippets of a root of videos."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_SEED

MAX_BACKGROUND = 1000  # a half of 50 minutes has 600 places of five seconds


def snippets(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder with Labels-v2.json and videos.")],
    out: Annotated[Path, typer.Argument(help="Folder for snippets.json.")],
    split: Annotated[
        list[str] | None, typer.Option(help="Give once for each split; train, valid and test if not given.")
    ] = None,
    mega: Annotated[bool, typer.Option("--mega", help="Pool train, valid and test, and what --extra gives.")] = False,
    extra: Annotated[
        list[Path] | None, typer.Option(metavar="ROOT", help="Other annotated games for --mega; as often as needed.")
    ] = None,
    background_per_half: Annotated[
        int,
        typer.Option(min=0, max=MAX_BACKGROUND, help="Snippets without an event; the paper does not state how many."),
    ] = 10,
    leave_out_ambiguous: Annotated[
        bool, typer.Option("--leave-out-ambiguous", help="No events less than 2.5 s from one of another class.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Draws the background.")] = 0,
) -> None:
    """List the snippets to fine-tune on: five seconds of each event and of background, as places in the videos.

    Exit code 1 if games, halves or events had to be left out, each in one line; no video is cut or encoded.

    Examples: soccerbench snippets /data/SoccerNet runs/snippets;
    soccerbench snippets /data/SoccerNet runs/clean --leave-out-ambiguous --background-per-half 20;
    soccerbench snippets /data/SoccerNet runs/mega --mega --extra /data/laliga-2019 --extra /data/laliga-2020
    """
    from soccerbench.errors import InputError
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.checks import snippets_table
    from soccerbench.video.finetuning.annotated_games import OWN_SPLITS, games_of_splits, look_through, pooled_games
    from soccerbench.video.finetuning.manifest import FILE, manifest_of, write_manifest

    if mega and split:
        challenge = "the challenge set is never trained on" if "challenge" in split else "leave --split out"
        raise ValueError(f"--mega pools train, valid and test: {challenge}")
    if extra and not mega:
        raise ValueError("--extra gives games for --mega; add --mega")
    games = pooled_games(root, extra or []) if mega else games_of_splits(root, list(dict.fromkeys(split or OWN_SPLITS)))
    with bar("snippets") as progress:
        found = look_through(games, progress)
    for line in (*found.doubts, *found.left_out):
        typer.echo(line, err=True)
    if not found.videos:
        raise InputError(root, "no half with labels and a readable video", "see the lines above")
    manifest = manifest_of(
        found,
        background_per_half=background_per_half,
        seed=seed,
        mega=mega,
        leave_out_ambiguous=leave_out_ambiguous,
    )
    write_manifest(out / FILE, manifest)
    title = f"{len(manifest.snippets)} snippets of {len(found.games)} games, {len(found.videos)} halves"
    ambiguous = Counter(snippet.split for snippet in manifest.snippets if snippet.ambiguous)
    print_table(snippets_table(title, manifest.counts, ambiguous))
    typer.echo(f"Wrote {out / FILE}.", err=True)
    if found.left_out:
        typer.echo(f"soccerbench: left out, see above: {len(found.left_out)}", err=True)
        raise typer.Exit(1)
