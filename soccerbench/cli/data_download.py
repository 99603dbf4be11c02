"""`data download`: the released features and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def download(
    root: Annotated[Path, typer.Argument(help="A new folder, or one that holds a part already.")],
    features: Annotated[str, typer.Option(help="baidu, resnet, resnet-pca512, or several of them.")],
    labels: Annotated[str, typer.Option(help="v2, cameras, or both.")] = "v2,cameras",
    splits: Annotated[str, typer.Option(help="Of which games.")] = "train,valid,test,challenge",
    games: Annotated[
        list[str] | None, typer.Option(metavar="GAME", help="Only league/season/game; repeatable.")
    ] = None,
) -> None:
    """Download released features and labels from the Hugging Face hub, and verify them.

    The five Baidu blocks are one file a half, 103 GB in all; size and terms of use are shown first. The revision of
    the data is kept in `revisions.json`. Interrupted at any moment, the same command resumes.

    Examples: soccerbench data download /data/SoccerNet --features baidu;
    soccerbench data download /data/SoccerNet --features resnet --splits test
    """
    from soccerbench.cli.data_verify import verify
    from soccerbench.features.download import download as download_root
    from soccerbench.report.console import note

    def names(text: str) -> list[str]:
        return [name.strip() for name in text.split(",")]

    try:
        download_root(
            root, features=names(features), labels=names(labels), splits=names(splits), games=games or [], say=note
        )
    except KeyboardInterrupt:
        note("Interrupted. The same command resumes the download.")
        raise typer.Exit(130) from None
    verify(root)
