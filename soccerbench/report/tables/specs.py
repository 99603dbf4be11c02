"""Lists of rows of tables; the video models with what was published and measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soccerbench.experiments.results import Accuracy, read_accuracy
from soccerbench.metrics.resampling import mean_and_deviation
from soccerbench.report.table import Column, Mean, table
from soccerbench.report.table import Table as Drawn
from soccerbench.report.tables.paper import SCORED, SETUP_TITLES, TOLERANCES, legend, published_in, scored_title, setup
from soccerbench.scoring.tasks import TASKS
from soccerbench.specs.base import Scored
from soccerbench.specs.features import file_of, load_features
from soccerbench.specs.spotting import Row, SpottingRow, Table
from soccerbench.specs.video_models import ExtractorRow, ExtractorTable


def table_of_rows(found: Table) -> Drawn[Row]:
    """One line a row, with what was published and whether its features were released."""
    settings = SETUP_TITLES[any(isinstance(row, SpottingRow) for row in found.rows)]
    named: list[Column[Row]] = [Column("Name", lambda row: row.name or "")]
    columns: list[Column[Row]] = [
        Column("Row", lambda row: row.row, "d"),
        *(named if any(row.name for row in found.rows) else ()),
        Column("Features", lambda row: row.features + (" mega" if row.mega else "")),
        Column("Head", lambda row: row.head),
        Column(settings, lambda row: setup(row.model_dump())),
        Column("Mode", lambda row: row.mode),
        *(_published(scored) for scored in SCORED if any(scored in row.published for row in found.rows)),
        Column("Features released", _released),
    ]
    metric = TASKS[found.rows[0].task].metric
    sources = published_in((row.row, row.published_in) for row in found.rows if row.published)
    notes = (f"As published; {found.source}.", TOLERANCES, *legend(row.features for row in found.rows), *sources)
    return table(f"{found.title}: published {metric}, %", columns, found.rows, notes)


def _published(scored: Scored) -> Column[Row]:
    return Column(scored_title(scored), lambda row: row.published.get(scored, ""), ".2f")


def _released(row: Row) -> str:
    blocks = load_features().blocks
    missing = dict.fromkeys(file_of(name) for name in row.blocks if name not in blocks or not blocks[name].released)
    return f"no: {', '.join(missing)}" if missing else "yes"


def accuracies(results: Path) -> list[Accuracy]:
    """The records of fine-tuned models below the folder of all records; empty without any."""
    return [read_accuracy(file) for file in sorted(results.glob("*/finetuned/*.json"))]


def table_of_extractors(found: ExtractorTable, records: Sequence[Accuracy]) -> Drawn[ExtractorRow]:
    """One line a model, its top-1 accuracies in per cent."""
    columns: list[Column[ExtractorRow]] = [
        Column("Row", lambda row: row.row, "d"),
        Column("Model", lambda row: row.model),
        Column("Architecture", lambda row: row.architecture),
        Column("Backbone", lambda row: row.backbone),
        Column("Width", lambda row: row.width, "d"),
        Column("Pretrain, paper", lambda row: row.pretraining),
        Column("Pretrain, measured", lambda row: _starts([record for record in records if record.model == row.model])),
        Column("Parameters", lambda row: row.parameters, ",d"),
        Column("Frames", lambda row: f"{row.clip.frames} at {row.clip.fps}/s"),
        Column("Published", lambda row: None if row.published is None else row.published.kinetics400, ".1f"),
        Column("Measured", lambda row: _measured([record for record in records if record.model == row.model]), ".1f"),
    ]
    notes = [*_about_published(found), *_about_measured(records)]
    for row in found.rows:
        if row.published is not None and row.published.network is not None:
            notes.append(f"Row {row.row}: the accuracy published is that of {row.published.network}.")
        if row.note is not None:
            notes.append(f"Row {row.row}: {row.note}.")
    return table(f"{found.title}: top-1 accuracy, %", columns, found.rows, notes)


def _measured(records: Sequence[Accuracy]) -> Mean | str | None:
    """The mean accuracy; in brackets if it is not comparable with a published number."""
    values = [100 * record.top1 for record in records if record.top1 is not None]
    if not values:
        return None
    mean = Mean(*mean_and_deviation(values))
    return f"({mean:.1f})" if any(record.simulated for record in records) else mean


def _starts(records: Sequence[Accuracy]) -> str | None:
    """What the measured fine-tunings began with, without what was left fresh."""
    found = dict.fromkeys((record.started_from or _unnamed_start(record)).partition(";")[0] for record in records)
    return ", ".join(found) or None


def _unnamed_start(record: Accuracy) -> str:
    return "random weights" if record.identity.get("init") == "none" else "a file that the record does not name"


def _about_published(found: ExtractorTable) -> list[str]:
    if found.finetuned_percent is None:
        return []
    low, high = found.finetuned_percent
    return [
        f"Published: top-1 on Kinetics-400 in per cent, as the paper quotes it; {found.source}.",
        f"The paper fine-tunes every model to {low:g} to {high:g} % top-1 on the snippets of SoccerNet-v2, one view.",
    ]


def _about_measured(records: Sequence[Accuracy]) -> list[str]:
    if not records:
        return []
    datasets = ", ".join(sorted({record.dataset for record in records}))
    notes = [f"Measured: top-1 in per cent on the test snippets of {datasets}, one view."]
    if any(record.simulated for record in records):
        notes.append(
            "In brackets: on simulated videos. It shows that models learn; it is not comparable with the paper."
        )
    changed = {record.model: record.settings for record in records}
    notes += [f"Measured on {model} with {', '.join(settings)}." for model, settings in changed.items() if settings]
    return notes
