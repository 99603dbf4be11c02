"""`export`: results in the forms that others read."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Form(str, Enum):
    """The forms of `soccerbench.sharing.export`."""

    hf_eval_results = "hf-eval-results"
    model_card = "model-card"
    csv = "csv"
    parquet = "parquet"


def export(
    runs: Annotated[Path, typer.Argument(help="Folder of runs, such as `reproduce` wrote it.")],
    to: Annotated[Form, typer.Option(help="The form.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File of csv and parquet, folder of the others; results.csv, card, … by default."),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Dataset of the hub that hf-eval-results are about.")
    ] = None,
) -> None:
    """Write the scores of runs as evaluation results of the Hugging Face hub, a model card, a CSV or a Parquet file.

    All have published and measured score, interval over games, seeds, signature and data fingerprint.

    Examples: soccerbench export runs --to csv --out scores.csv;
    soccerbench export runs/mini/table2/row-08 --to model-card --out card
    """
    from soccerbench.report.console import busy, note
    from soccerbench.sharing.export import export as write

    default = f"results.{to.value}" if to in (Form.csv, Form.parquet) else to.value
    with busy("export"):
        files = write(runs, to=to.value, out=out or Path(default), benchmark=benchmark)
    for file in files:
        note(f"Wrote {file}.")
