"""`convert`: labels or predictions in another format."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_MIB, MaxMib


class FormatName(str, Enum):
    """What to write."""

    osl = "osl"
    soccernet = "soccernet"


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="OSL-JSON, or SoccerNet's folder, zip or file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .json for osl; a .zip or a folder for soccernet.")],
    to: Annotated[FormatName, typer.Option(help="The format to write; osl is version 2.")],
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Convert labels or predictions of action spotting between SoccerNet's files and OSL-JSON; unknown keys are kept.

    Examples: soccerbench convert labels.zip labels.json --to osl;
    soccerbench convert predictions.json results.zip --to soccernet
    """
    from soccerbench.errors import counted
    from soccerbench.soccernet.archive import reading_at_most
    from soccerbench.soccernet.osl.convert import convert as write

    with reading_at_most(max_mib):
        games = write(source, out, to=to.value)
    typer.echo(f"{out}: {counted(games, 'game')} written", err=True)
