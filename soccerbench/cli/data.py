"""`data`: make, download, check and pack datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import AsJson, Cpus, Games, On, Seed, names, print_json, resumable

NewFolder = Annotated[Path, typer.Argument(help="A new or an empty folder.")]


def mini(
    out: NewFolder,
    seed: Seed = 0,
    games: Games = 24,
    scale: Annotated[
        Literal["mini", "release"],
        typer.Option(help="mini: few channels, every block; release: the released files at full width."),
    ] = "mini",
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
    from soccerbench.simulation.matches.write import write_mini

    with bar("data mini") as progress:
        write_mini(out, seed=seed, games=games, scale=scale, labels=labels, packed=packed, progress=progress)
    typer.echo(f"{out}: {games} games, simulated (generator and seed in features.json)", err=True)


def videos(
    out: NewFolder,
    seed: Seed = 0,
    games: Games = 24,
    minutes: Annotated[float, typer.Option(help="Length of each half.")] = 5.0,
) -> None:
    """Write small videos of moving players, whose motion shows the event: the same bytes for the same seed.

    Examples: soccerbench data videos my-videos;
    soccerbench data videos few --games 4 --minutes 1 --seed 7
    """
    from soccerbench.report.console import bar
    from soccerbench.simulation.videos.write import write_videos

    with bar("data videos") as progress:
        write_videos(out, seed=seed, games=games, minutes=minutes, progress=progress)
    typer.echo(f"{out}: {games} games, simulated (generator and seed in features.json)", err=True)


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
    from soccerbench.features.download import download as download_root
    from soccerbench.report.console import note

    with resumable("Interrupted. The same command resumes the download."):
        download_root(
            root, features=names(features), labels=names(labels), splits=names(splits), games=games or [], say=note
        )
    verify(root)


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


def pack(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder.")],
    out: Annotated[
        Path, typer.Argument(help="A new or an empty folder, or one where this pack was begun or finished.")
    ],
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="Of the packed values.")] = "float16",
    blocks: Annotated[
        str | None, typer.Option(help="Blocks to pack, such as vtn,gta; all that the root has if not given.")
    ] = None,
    on: On = "local",
    cpus: Cpus = None,
) -> None:
    """Pack a root: one checksummed file a split, half the bytes, read by `reproduce --data` like a plain root.

    Stopped at any moment, the same command resumes; what is already packed is verified and repaired if damaged.

    Examples: soccerbench data pack /data/SoccerNet /fast/packed;
    soccerbench data pack /data/SoccerNet five --blocks tpn-r101,gta,vtn,ircsn,i3d-slow
    """
    from soccerbench.experiments.executors.machines import Machines
    from soccerbench.features.pack import pack as pack_root
    from soccerbench.report.console import bar

    machines = Machines(on, cpus=cpus)
    chosen = None if blocks is None else names(blocks)
    with resumable("Interrupted. The same command resumes the pack."), bar("pack", in_bytes=True) as progress:
        packed = machines.call(
            lambda steps: pack_root(root, out, dtype=dtype, blocks=chosen, workers=cpus, progress=steps),
            title="pack", folder=out, progress=progress,
        )  # fmt: skip
    index = packed.index
    resumed = f", {packed.resumed} of them from an earlier call" if packed.resumed else ""
    typer.echo(f"{out}: {packed.halves} halves{resumed}, {packed.nbytes / 1e9:.2f} GB of {index.dtype}", err=True)
    typer.echo(
        f"largest relative error {index.largest_relative_error:.3g} (values below 6.1e-05 taken as that), "
        f"largest absolute error {index.largest_absolute_error:.3g}",
        err=True,
    )
