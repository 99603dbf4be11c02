"""Options that several verbs share, and what several verbs do with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

MAX_GAMES, MAX_SEED = 1000, 2**32 - 1  # SoccerNet has 550 games
MAX_MIB, MAX_MAX_MIB = 128, 2**16
MAX_CPUS, MAX_GPUS = 1024, 64
MAX_WORKERS, MAX_BATCH, MAX_MEMORY_GIB = 256, 1024, 4096


Task = Literal["spotting", "grounding"]
TaskOption = Annotated[Task | None, typer.Option(help="What was submitted to; not needed for runs.")]
Labels = Annotated[Path, typer.Option(help="Folder, zip or JSON file with the labels.")]
Split = Annotated[str, typer.Option(help="train, valid, test, challenge, or all games with labels.")]
Tolerances = Annotated[str, typer.Option(help="loose, tight, or window widths in seconds such as 1,2,5.")]
Protocol = Annotated[
    Literal["soccernet", "strict"], typer.Option(help="The official scorer's numbers, or stricter ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
MaxMib = Annotated[
    int, typer.Option(min=1, max=MAX_MAX_MIB, help="The largest file that is read, in MiB; other limits grow with it.")
]
On = Annotated[
    str,
    typer.Option(
        metavar="PLACE",
        help="Where it runs: local, ray, ray:ADDRESS, slurm or slurm:PARTITION; elsewhere paths are on shared storage.",
    ),
]
Cpus = Annotated[int | None, typer.Option(min=1, max=MAX_CPUS, help="Cores that each takes.")]
Gpus = Annotated[
    float | None, typer.Option(min=0, max=MAX_GPUS, help="GPUs that each takes, such as 0.5; one if --device is cuda.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of all random draws.")]
Games = Annotated[int, typer.Option(min=4, max=MAX_GAMES, help="How many games, over all splits.")]
Runs = Annotated[Path, typer.Argument(help="Folder of runs, such as `reproduce` wrote it.")]
RunsOut = Annotated[Path, typer.Option("--out", help="The folder of all runs.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec; repeatable.")
]
Plugin = Annotated[
    Path | None, typer.Option(help="The Python file of custom heads or models, which rows name as module:Class.")
]
Log = Annotated[
    str | None, typer.Option(help="Learning curves to tensorboard or wandb too; history.csv is always there.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Run again what was run with another spec, other data or other code.")
]
Models = Annotated[str, typer.Option("--table", help="Your YAML file with the models in it.")]
Checkpoints = Annotated[
    list[str] | None,
    typer.Option(metavar="DIR|MODEL=FILE", help="Where `finetune` wrote, or one model's file; repeatable."),
]
Untrained = Annotated[bool, typer.Option("--untrained", help="Random weights for models without a checkpoint.")]


@contextmanager
def resumable(said: str = "Stopped. Nothing is lost: the same command resumes.") -> Iterator[None]:
    """Ctrl-C ends the command with a line that says how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        from soccerbench.report.console import note

        note(said)
        raise typer.Exit(130) from None


def names(text: str) -> list[str]:
    """The parts of `a, b`."""
    return [name.strip() for name in text.split(",")]


def print_json(value: object) -> None:
    """Print one JSON object in full precision on standard output."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def print_warnings(warnings: Counter[str]) -> None:
    """Print what was ignored to standard error, one line for each kind."""
    for kind, count in sorted(warnings.items()):
        typer.echo(f"soccerbench: warning: {kind} ({count})", err=True)


def parse_range(option: str, text: str) -> list[int]:
    """`1,6-8` into [1, 6, 7, 8].

    Raises:
        ValueError: anything else, a range that runs backwards, or more than a thousand numbers.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", part, re.ASCII)
        if not match:
            raise ValueError(f"{option} {text!r}: {part!r} is not a number or a range; write it like 1,6-8")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > 1000:
            raise ValueError(f"{option} {text!r}: {part!r} is not a range from low to high")
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))
