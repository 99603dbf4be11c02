"""Results in the forms that others read: Hugging Face evaluation results, model cards, CSV and Parquet.

Source: huggingface_hub 2.4, `EvalResultEntry` (`.eval_results/*.yaml`) and `ModelCardData` (`model-index`).

Conventions
    per cent   in evaluation results and cards, which people read; fractions in CSV and Parquet
    benchmark  a dataset of the hub. It lists evaluation results if its `eval.yaml` declares their task ids
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from soccerbench.errors import InputError
from soccerbench.experiments.results import Run, by_row, read_runs
from soccerbench.files import write_bytes
from soccerbench.report.measured import Measured, measure
from soccerbench.sharing.card import model_card

BENCHMARK = "SoccerNet/SN-Labels"
FORMS = ("hf-eval-results", "model-card", "csv", "parquet")
CARD = "README.md"


def export(folder: Path, *, to: str, out: Path, benchmark: str | None = None) -> list[Path]:
    """Write the results of runs in one of FORMS; the files.

    Args:
        out: the file of a CSV or Parquet; else a folder, which gets a folder a row unless there is one row only.
        benchmark: a dataset of the hub that evaluation results are about; SoccerNet's for real features.

    Raises:
        InputError: no runs, runs of a row that differ, or simulated ones as results of SoccerNet.
        ModuleNotFoundError: Parquet without pyarrow.
        ValueError: an unknown form.
    """
    if to not in FORMS:
        raise ValueError(f"export --to {to}: unknown; known: {', '.join(FORMS)}")
    rows = by_row(read_runs(folder))
    scores = {key: measure(members) for key, members in rows.items()}
    if to in ("csv", "parquet"):
        made = {out: _table([score for found in scores.values() for score in found], to)}
    else:
        made = {}
        for key, members in rows.items():
            dataset, table, row = key
            place = out if len(rows) == 1 else out / dataset / table / f"row-{row:02d}"
            if to == "model-card":
                made[place / CARD] = model_card(members, scores[key], name=place.resolve().name)
            else:
                made[place / eval_file(members)] = eval_results(members, scores[key], benchmark=benchmark)
    for file, content in made.items():
        write_bytes(file, content)
    return list(made)


def eval_file(members: Sequence[Run]) -> str:
    """Where the hub looks for the evaluation results of a row, inside a model's repository."""
    result = members[0].result
    return f".eval_results/soccerbench-{result.table}-row-{result.row:02d}.yaml"


def eval_results(members: Sequence[Run], scores: Sequence[Measured], *, benchmark: str | None) -> bytes:
    """The scores of one row as the hub's evaluation results."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    if benchmark is None and members[0].result.simulated:
        problem = "was measured on simulated features, which are no result of SoccerNet"
        raise InputError(members[0].folder, problem, "name your own dataset of the hub with --benchmark")
    entries = [
        EvalResultEntry(
            dataset_id=benchmark or BENCHMARK,
            task_id=f"{score.task}-{score.split}-{score.tolerances}",
            value=round(100 * score.score, 2),
            notes=f"{score.unit}; {score.signature}; {len(score.seeds)} seeds; "
            f"95% interval over {score.games} games {100 * score.low:.2f} to {100 * score.high:.2f}",
        )
        for score in scores
    ]
    text: str = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True, width=1000)
    return text.encode()


def _table(scores: Sequence[Measured], form: str) -> bytes:
    """One line a score; seeds as text."""
    import pandas as pd

    frame = pd.DataFrame([asdict(score) | {"seeds": ",".join(map(str, score.seeds))} for score in scores])
    if form == "csv":
        return str(frame.to_csv(index=False, lineterminator="\n")).encode()
    import pyarrow as pa  # noqa: F401  # pandas says at length what main() says in one line

    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()
