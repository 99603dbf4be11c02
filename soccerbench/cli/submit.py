"""`submit`: pack the official zip, or list what is wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_MIB, MaxMib, Split, TaskOption


def submit(
    task: Annotated[TaskOption, typer.Option(help="What is submitted to.")],
    source: Annotated[
        Path | None, typer.Argument(metavar="RUN|DIR", help="A run's folder, or a folder with one file a game.")
    ] = None,
    split: Split = "challenge",
    out: Annotated[Path | None, typer.Option(help="The zip to write.")] = None,
    validate: Annotated[Path | None, typer.Option(metavar="ZIP", help="Check this zip instead of packing.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder or zip of labels: which games and replays to expect.")
    ] = None,
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Pack the official zip, or list what a server would reject or silently misread; exit code 1 if there is anything.

    Examples: soccerbench submit runs/mini/table2/row-08/seed-0 --task spotting;
    soccerbench submit --validate results.zip --task grounding --labels replay_labels.zip
    """
    from soccerbench.errors import counted, grouped
    from soccerbench.soccernet.archive import reading_at_most
    from soccerbench.soccernet.submission import pack_submission, validate_submission

    if (source is None) == (validate is None):
        raise ValueError("submit: give either what to pack or --validate ZIP")
    if source is not None:
        out = out or Path(f"{task.value}-{split}.zip")
        with reading_at_most(max_mib):
            problems = pack_submission(source, out, task=task.value, split=split, labels=labels)
        done = f"{out}: packed, nothing wrong"
    else:
        assert validate is not None
        with reading_at_most(max_mib):
            problems = validate_submission(validate, task=task.value, split=split, labels=labels)
        done = f"{validate}: nothing wrong"
    for problem, count in grouped(problems, key=lambda line: line.partition(": ")[2] or line):
        typer.echo(problem if count == 1 else f"{problem} (and {count - 1} more like it)")
    if problems:
        typer.echo(f"soccerbench: {counted(len(problems), 'problem')}", err=True)
        raise typer.Exit(1)
    typer.echo(done, err=True)
