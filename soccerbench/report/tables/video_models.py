"""Table 1: the video models, what was published of them and what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soccerbench.experiments.results import read_needing
from soccerbench.metrics import mean_and_deviation
from soccerbench.report.tables.paper import Grid
from soccerbench.specs.video_models import ExtractorRow, ExtractorTable

HEADER = (
    "Row", "Model", "Architecture", "Backbone", "Width", "Pretraining", "Parameters", "Frames", "Published", "Measured",
)  # fmt: skip
_NEEDED = {"model", "dataset", "simulated", "top1"}


def accuracies(results: Path) -> list[dict[str, Any]]:
    """The records of fine-tuned models below the folder of all records; none where there are none.

    Raises:
        InputError: a file that is no such record.
    """
    files = sorted(results.glob("*/finetuned/*.json"))
    remedy = "write it again with `soccerbench finetune`"
    return [read_needing(file, _NEEDED, what="record of a fine-tuning", remedy=remedy) for file in files]


def grid_of_extractors(table: ExtractorTable, records: Sequence[Mapping[str, Any]]) -> Grid:
    """One line a model, its accuracies in per cent.

    Args:
        table: the models.
        records: as `accuracies` gives them; several of a model are averaged.
    """
    lines = tuple(_line(row, [record for record in records if record["model"] == row.model]) for row in table.rows)
    notes = [*_about_published(table), *_about_measured(records)]
    for row in table.rows:
        if row.published is not None and row.published.network is not None:
            notes.append(f"Row {row.row}: the accuracy published is that of {row.published.network}.")
        if row.note is not None:
            notes.append(f"Row {row.row}: {row.note}.")
    return Grid(table.title, HEADER, lines, tuple(notes))


def _line(row: ExtractorRow, records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return (
        str(row.row),
        row.model,
        row.architecture,
        row.backbone,
        "-" if row.width is None else str(row.width),
        row.pretraining,
        "-" if row.parameters is None else f"{row.parameters:,}",
        f"{row.clip.frames} at {row.clip.fps}/s",
        "-" if row.published is None else f"{row.published.kinetics400:.1f}",
        _measured([record for record in records if record["top1"] is not None]),
    )


def _measured(records: Sequence[Mapping[str, Any]]) -> str:
    """The mean accuracy, with its deviation; in brackets what no published number is to be held against."""
    if not records:
        return "-"
    mean, deviation = mean_and_deviation([record["top1"] for record in records])
    text = f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")
    return f"({text})" if any(record["simulated"] for record in records) else text


def _about_published(table: ExtractorTable) -> list[str]:
    if table.finetuned_percent is None:
        return []
    low, high = table.finetuned_percent
    return [
        f"Published: top-1 on Kinetics-400 in per cent, as the paper quotes it; {table.source}.",
        f"The paper fine-tunes every model to {low:g} to {high:g} % top-1 on the snippets of SoccerNet-v2, one view.",
    ]


def _about_measured(records: Sequence[Mapping[str, Any]]) -> list[str]:
    if not records:
        return []
    datasets = ", ".join(sorted({str(record["dataset"]) for record in records}))
    notes = [f"Measured: top-1 in per cent on the test snippets of {datasets}, one view."]
    if any(record["simulated"] for record in records):
        notes.append(
            "In brackets, on simulated videos: that shows that models learn, it is not comparable with the paper's."
        )
    changed = {record["model"]: record.get("spec", {}).get("changed", ()) for record in records}
    notes += [f"Measured on {model} with {', '.join(settings)}." for model, settings in changed.items() if settings]
    return notes
