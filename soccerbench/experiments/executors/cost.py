"""How much of a table's work each experiment is, so that the time left is right while a slow row runs first.

Conventions
    weight  the epochs times the seconds an epoch of the row's committed record; without one, the median of the records
            of the same head, or of all heads. Only ratios matter
    none    an experiment that is complete; one that shares another's training only predicts
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soccerbench.experiments.experiment import Experiment
from soccerbench.experiments.records import Record, read_record

PREDICTING = 0.1  # of a training
LEAST_S = 0.1


def weights(experiments: Sequence[Experiment], results: Path) -> dict[str, float]:
    """Title -> weight."""
    records = [record for file in sorted(results.glob("*/*/row-*.json")) if (record := read_record(file))]
    trained: set[tuple[str, int]] = set()
    found: dict[str, float] = {}
    for experiment in experiments:
        shared = (experiment.identity.model, experiment.seed)
        share = 0.0 if experiment.kept.is_complete else PREDICTING if shared in trained else 1.0
        trained.add(shared)
        row = experiment.row
        found[experiment.title] = share * seconds(row.table, row.row, row.model_dump(mode="json"), records)
    return found


def seconds(table: str, row: int, spec: dict[str, Any], records: Sequence[Record]) -> float:
    """The seconds that a row takes next to others."""
    epochs = spec.get("max_epochs")
    if not epochs:
        return LEAST_S
    for record in records:
        if (record.table, record.row) == (table, row) and _epochs(record):
            return max(float(epochs) * record.seconds.mean / _epochs(record), LEAST_S)
    pairs = [(str(one.spec["head"]), one.seconds.mean / trained) for one in records if (trained := _epochs(one))]
    of_head = [value for head, value in pairs if head == spec["head"]] or [value for _, value in pairs]
    return max(float(epochs) * (statistics.median(of_head) if of_head else 1.0), LEAST_S)


def _epochs(record: Record) -> int:
    found = record.spec.get("max_epochs")
    return found if isinstance(found, int) else 0
