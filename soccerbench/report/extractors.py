"""Table 1: the video models and what was published of them."""

from __future__ import annotations

from soccerbench.report.table import Grid
from soccerbench.specs.extractors import ExtractorRow, ExtractorTable

HEADER = (
    "Row", "Model", "Architecture", "Backbone", "Width", "Pretraining", "Parameters", "Frames", "Published",
)  # fmt: skip


def grid_of_extractors(table: ExtractorTable) -> Grid:
    """One line a model, with nothing measured: no accuracy on snippets is comparable with one on Kinetics-400."""
    notes = _about_published(table)
    for row in table.rows:
        if row.published is not None and row.published.network is not None:
            notes.append(f"Row {row.row}: the accuracy published is that of {row.published.network}.")
        if row.note is not None:
            notes.append(f"Row {row.row}: {row.note}.")
    return Grid(table.title, HEADER, tuple(map(_line, table.rows)), tuple(notes))


def _line(row: ExtractorRow) -> tuple[str, ...]:
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
    )


def _about_published(table: ExtractorTable) -> list[str]:
    if table.finetuned_percent is None:
        return []
    low, high = table.finetuned_percent
    return [
        f"Published: top-1 on Kinetics-400 in per cent, as the paper quotes it; {table.source}.",
        f"The paper fine-tunes every model to {low:g} to {high:g} % top-1 on the snippets of SoccerNet-v2, one view.",
    ]
