"""`report`: one HTML page about runs or about a submission, or the tables for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_MIB, MaxMib, Split, TaskOption


def report(
    runs: Annotated[
        Path | None, typer.Argument(help="Folder of runs, such as `reproduce` wrote it; none for a submission.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    tables: Annotated[
        bool, typer.Option("--tables", help="Print the tables as Markdown and LaTeX (booktabs) instead.")
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="The SoccerNet folder of the runs, for timelines; not needed for mini.")
    ] = None,
    task: TaskOption = None,
    labels: Annotated[Path | None, typer.Option(help="Folder or zip with the labels, one folder a game.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Folder or zip with the submission.")] = None,
    split: Split = "test",
    max_mib: MaxMib = MAX_MIB,
) -> None:
    """Write one self-contained HTML page: tables, plots, errors, timelines, and how each number was made.

    Examples: soccerbench report runs --out report.html; soccerbench report runs --tables;
    soccerbench report --task spotting --labels labels.zip --predictions results.zip
    """
    from soccerbench.experiments.default_dataset import root_of_runs
    from soccerbench.experiments.results import read_runs
    from soccerbench.files import write_bytes
    from soccerbench.report.console import busy, note
    from soccerbench.report.html.matches import with_videos
    from soccerbench.report.html.pages import figures_below, page_of_runs, page_of_submission
    from soccerbench.report.html.render import render
    from soccerbench.report.tables.paper import tables_of_runs
    from soccerbench.soccernet.archive import reading_at_most

    if runs is not None and (task, labels, predictions) == (None, None, None):
        found = read_runs(runs)
        if tables:
            typer.echo("\n".join(f"{table.to_markdown()}\n{table.to_latex()}" for table in tables_of_runs(found)))
            return
        root = root_of_runs({run.key[0] for run in found}, data)
        with busy("report"):
            page = page_of_runs(found, root, figures=figures_below(runs))
        folder = None if root is None else root.path
    elif runs is None and task and labels and predictions and not tables:
        with reading_at_most(max_mib), busy("report"):
            page = page_of_submission(task=task, labels=labels, predictions=predictions, split=split)
        folder = labels
    else:
        raise ValueError("report: give either a folder of runs, or --task, --labels and --predictions of a submission")
    written = render(with_videos(page, folder, out))
    write_bytes(out, written)
    note(f"Wrote {out}, {len(written) / 1e6:.1f} MB.")
