"""`reproduce`: train and score the rows of a table, draw a figure, or check the paper's claims."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from soccerbench.cli.options import (
    MAX_WORKERS,
    Cpus,
    Device,
    Force,
    Gpus,
    Log,
    On,
    Plugin,
    RunsOut,
    Settings,
    parse_range,
    resumable,
)

if TYPE_CHECKING:
    from soccerbench.api import Results
    from soccerbench.experiments.results import Run


def reproduce(
    table: Annotated[
        str, typer.Argument(help="A table's name (see `soccerbench list`), your YAML, figure3 or claims.")
    ],
    data: Annotated[
        str | None, typer.Option(help="A SoccerNet folder, or `mini`; without it $SOCCERNET_ROOT, else mini.")
    ] = None,
    features_root: Annotated[Path | None, typer.Option(help="Where the features are, if not in --data.")] = None,
    rows: Annotated[str | None, typer.Option(help="Rows to run, such as 1,6-8; all if not given.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-2.")] = "0",
    trained_for: Annotated[
        Literal["test", "challenge", "both"] | None,
        typer.Option(
            "--for",
            help="The trainings of regular rows: for test (on train, best epoch on valid), for the challenge (on train "
            "and valid, best epoch on test), or both; by default what the table says.",
        ),
    ] = None,
    out: RunsOut = Path("runs"),
    device: Device = "auto",
    on: On = "local",
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_WORKERS,
            help="Experiments run at once, about 0.8 GB of memory each on mini; by default one for each core where "
            "the features are narrow and the device is the CPU, else one. There the numbers stay the same.",
        ),
    ] = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    settings: Settings = None,
    plugin: Plugin = None,
    log: Log = None,
    stage: Annotated[
        Path | None,
        typer.Option(
            help="A fast disk: each machine copies --data, a packed folder or s3://…, gs://…, hf://…, there once."
        ),
    ] = None,
    results_to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Copy the table's runs to s3://…, gs://… at the end.")
    ] = None,
    force: Force = False,
) -> None:
    """Train and score the rows of a table; finished ones are kept, interrupted ones resume. Draw figure3, check claims.

    The files of the table hold the rows and seeds of the last call; a call with all of them reads the finished ones.

    Examples: soccerbench reproduce table2;
    soccerbench reproduce table2 --data /data/SoccerNet --rows 6-8 --seeds 0-4;
    soccerbench reproduce table2 --rows 8 --set max_epochs=5 --out quick;
    soccerbench reproduce table2 --data /data/SoccerNet --seeds 0-4 --on slurm:gpu --device cuda --cpus 4;
    soccerbench reproduce figure3 --data /data/SoccerNet; soccerbench reproduce claims --out runs
    """
    if table in ("figure3", "claims"):
        given = {
            "--rows": rows, "--seeds": seeds != "0", "--for": trained_for, "--device": device != "auto",
            "--on": on != "local", "--jobs": jobs, "--cpus": cpus, "--gpus": gpus, "--set": settings,
            "--plugin": plugin, "--log": log, "--force": force,
            "--stage": stage, "--results-to": results_to,
        }  # fmt: skip
        taken = "--data, --features-root and --out" if table == "figure3" else "--data and --out"
        unused = ", ".join(name for name, value in given.items() if value)
        if unused:
            raise ValueError(f"{table} trains nothing: leave out {unused}; it takes {taken}")
        if table == "figure3":
            _draw_figure3(data, features_root, out)
        else:
            _judge_claims(data, out)
        return
    from soccerbench.api import reproduce as reproduce_table
    from soccerbench.experiments.drift import check_row
    from soccerbench.report.console import print_table
    from soccerbench.report.tables.checks import record_lines
    from soccerbench.specs.load import parse_setting
    from soccerbench.specs.shipped import shipped

    chosen = [*(settings or []), *([f"trained_for={trained_for}"] if trained_for else [])]
    with resumable():
        done = reproduce_table(
            table, data=data, features_root=features_root,
            rows=None if rows is None else parse_range("--rows", rows), seeds=parse_range("--seeds", seeds),
            out=out, device=device, on=on, jobs=jobs, cpus=cpus, gpus=gpus,
            settings=dict(map(parse_setting, chosen)), plugin=plugin, log=log, force=force, stage=stage,
            results_to=results_to, progress=True,
        )  # fmt: skip
    print_table(done.drawn)
    where = f" --data {data}" if data not in (None, "mini") else ""
    for line in record_lines([check_row(runs, shipped("results"), speed=False) for runs in _rows(done)], done.folder):
        typer.echo(line)
    typer.echo(f"Next: soccerbench report {done.folder}{where}")


def _rows(done: Results) -> Iterable[list[Run]]:
    """The runs of a call, row by row."""
    from soccerbench.experiments.results import by_row, read_runs

    folders = [done.folder / f"row-{result.row:02d}" / f"seed-{result.seed}" for result in done.results]
    return by_row(run for folder in folders for run in read_runs(folder)).values()


def _draw_figure3(data: str | None, features_root: Path | None, out: Path) -> None:
    from soccerbench.experiments.default_dataset import open_root
    from soccerbench.report.console import note
    from soccerbench.report.figures.figure3 import read_games, summary, write_figure3
    from soccerbench.specs.figures import load_figure3

    root, spec = open_root(data, features_root, say=note), load_figure3()
    content = summary(read_games(root, spec), spec, dataset=root.name, simulated=root.is_simulated)
    folder = out / root.name / spec.figure
    write_figure3(folder, content)
    share = "none" if content["share"] is None else f"{100 * content['share']:.2f} %"
    published = "" if root.is_simulated else f" (published: {spec.published_percent:.2f} %)"
    low, high = spec.window_s
    typer.echo(f"{share} of {content['intervals']} replays end {low:g} to {high:g} s after their event{published}.")
    typer.echo(f"Drawn in {folder}: figure3.png, .svg, .csv, .json.")


def _judge_claims(data: str | None, out: Path) -> None:
    from soccerbench.report.claims import judge
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.claims import claims_json, claims_table
    from soccerbench.report.tables.paper import write_table
    from soccerbench.specs.claims import load_claims

    claims = load_claims()
    with bar("claims") as progress:
        dataset, simulated, lines = judge(
            claims, out, dataset=None if data is None else Path(data).resolve().name, progress=progress
        )
    drawn = claims_table(claims, lines, dataset=dataset, simulated=simulated)
    folder = out / dataset / claims.claims
    print_table(drawn)
    if any(line.points is not None for line in lines):
        about = {"claims": claims.claims, "dataset": dataset, "simulated": simulated}
        write_table(folder, drawn, about=about, rows=[claims_json(line) for line in lines])
        typer.echo(f"Files of this table: {folder}")
