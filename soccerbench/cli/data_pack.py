"""`data pack`: the features of a root in one file a split."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import Cpus, On


class DtypeName(str, Enum):
    """How the packed values are stored."""

    float16 = "float16"
    float32 = "float32"


def pack(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder.")],
    out: Annotated[
        Path, typer.Argument(help="A new or an empty folder, or one where this pack was begun or finished.")
    ],
    dtype: Annotated[DtypeName, typer.Option(help="Of the packed values.")] = DtypeName.float16,
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
    from soccerbench.report.console import bar, note

    machines = Machines(on, cpus=cpus)
    names = None if blocks is None else [name.strip() for name in blocks.split(",")]
    try:
        with bar("pack", in_bytes=True) as progress:
            packed = machines.call(
                lambda steps: pack_root(root, out, dtype=dtype.value, blocks=names, workers=cpus, progress=steps),
                title="pack", folder=out, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        note("Interrupted. The same command resumes the pack.")
        raise typer.Exit(130) from None
    index = packed.index
    resumed = f", {packed.resumed} of them from an earlier call" if packed.resumed else ""
    typer.echo(f"{out}: {packed.halves} halves{resumed}, {packed.nbytes / 1e9:.2f} GB of {index.dtype}", err=True)
    typer.echo(
        f"largest relative error {index.largest_relative_error:.3g} (values below 6.1e-05 taken as that), "
        f"largest absolute error {index.largest_absolute_error:.3g}",
        err=True,
    )
