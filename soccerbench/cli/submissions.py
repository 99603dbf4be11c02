"""`evaluate`, `compare`, `submit`, `convert`: files of labels and predictions."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import (
    MAX_MIB,
    AsJson,
    Labels,
    MaxMib,
    Protocol,
    Seed,
    Split,
    Task,
    TaskOption,
    Tolerances,
    names,
    print_json,
    print_warnings,
)


def evaluate(
    task: Annotated[Task, typer.Argument(help="What was submitted to.")],
    labels: Labels,
    predictions: Annotated[Path, typer.Option(help="Folder, zip or JSON file with the predictions.")],
    split: Split = "test",
    tolerances: Tolerances = "loose",
    protocol: Protocol = "soccernet",
    json: AsJson = False,
    classes: Annotated[
        str | None,
        typer.Option(help="Score only these (spotting), such as Goal,Penalty; unshown is still scaled by 17/13."),
    ] = None,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples of the games, for confidence intervals.")] = 0,
    signature: Annotated[bool, typer.Option("--signature", help="Print only the signature of the score.")] = False,
    seed: Seed = 0,
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Score predictions against labels, with the number that the official scorer gives.

    Examples: soccerbench evaluate spotting --labels labels.zip --predictions results.zip;
    soccerbench evaluate spotting --labels labels.zip --predictions results.zip --tolerances tight --bootstrap 1000
    """
    _one_thread_a_product()
    from soccerbench.report.console import busy, print_table
    from soccerbench.report.tables.scores import evaluation_table
    from soccerbench.scoring.evaluate import evaluate as score

    with busy("evaluate"):
        evaluation = score(
            task=task, labels=labels, predictions=predictions, split=split, tolerances=tolerances,
            protocol=protocol, classes=None if classes is None else names(classes), bootstrap=bootstrap,
            seed=seed, max_mib=max_mib,
        )  # fmt: skip
    print_warnings(evaluation.warnings)
    if signature:
        typer.echo(evaluation.signature)
    elif json:
        print_json(evaluation.report())
    else:
        print_table(evaluation_table(evaluation))


def compare(
    a: Annotated[Path, typer.Argument(help="The first submission, folder or zip, or a row's folder of runs.")],
    b: Annotated[Path, typer.Argument(help="The second.")],
    labels: Annotated[
        Path | None, typer.Option(help="Folder or zip with the labels of submissions; runs need none.")
    ] = None,
    task: TaskOption = None,
    split: Split = "test",
    tolerances: Tolerances = "loose",
    protocol: Protocol = "soccernet",
    json: AsJson = False,
    repetitions: Annotated[int, typer.Option(min=1, help="Resamples and exchanges of the games.")] = 1000,
    seed: Seed = 0,
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Compare two submissions game by game, or two rows over games and seeds; is the difference significant?

    Examples: soccerbench compare a.zip b.zip --labels labels.zip --task spotting;
    soccerbench compare runs/mini/table2/row-07 runs/mini/table2/row-08
    """
    _one_thread_a_product()
    from soccerbench.api import compare as compared
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.scores import comparison_table

    with bar("compare") as progress:
        found = compared(
            a, b, labels=labels, task=task, split=split, tolerances=tolerances, protocol=protocol,
            repetitions=repetitions, seed=seed, progress=progress, max_mib=max_mib,
        )  # fmt: skip
    print_warnings(Counter(found.warnings))
    report = found.to_json()
    if json:
        print_json(report)
    else:
        print_table(comparison_table(report))


def _one_thread_a_product() -> None:
    """Resampling has a thread a class; numpy, once imported, would start more within each of its products."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def submit(
    task: Annotated[Task, typer.Option(help="What is submitted to.")],
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
    with reading_at_most(max_mib):
        if validate is not None:
            problems = validate_submission(validate, task=task, split=split, labels=labels)
            done = f"{validate}: nothing wrong"
        elif source is not None:
            out = out or Path(f"{task}-{split}.zip")
            problems = pack_submission(source, out, task=task, split=split, labels=labels)
            done = f"{out}: packed, nothing wrong"
    for problem, count in grouped(problems, key=lambda line: line.partition(": ")[2] or line):
        typer.echo(problem if count == 1 else f"{problem} (and {count - 1} more like it)")
    if problems:
        typer.echo(f"soccerbench: {counted(len(problems), 'problem')}", err=True)
        raise typer.Exit(1)
    typer.echo(done, err=True)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="OSL-JSON, or SoccerNet's folder, zip or file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .json for osl; a .zip or a folder for soccernet.")],
    to: Annotated[Literal["osl", "soccernet"], typer.Option(help="The format to write; osl is version 2.")],
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
        games = write(source, out, to=to)
    typer.echo(f"{out}: {counted(games, 'game')} written", err=True)
