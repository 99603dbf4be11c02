"""The tasks of experiments: what each waits for, and how much of all the work it is.

Conventions
    needed  an experiment whose predictions another one takes; that one waits for it
    head    of those that share a head, the first trains it and the others wait to take its weights
    weight  the epochs times the seconds an epoch of the row's committed record; without one, the median of the records
            of the same head, or of all heads. Only ratios matter. None if the experiment is complete; one that shares
            another's training only predicts
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from soccerbench.experiments.executors.task import Task
from soccerbench.experiments.experiment import Experiment
from soccerbench.experiments.records import Record, read_record
from soccerbench.features.stage import staged
from soccerbench.progress import Progress
from soccerbench.training.loggers import curves_to

PREDICTING = 0.1  # of a training
LEAST_S = 0.1


class Training(Protocol):
    """An experiment, or a fine-tuning of a video model."""

    def run(self, *, device: str, progress: Progress, force: bool) -> object:
        """Train and measure, or resume."""


@dataclass(frozen=True)
class RunExperiment:
    """The work of one task; its result is in the folder."""

    experiment: Training
    device: str  # "auto", "cpu" or "cuda"
    force: bool  # overwrite runs of another spec, other data or code
    curves: str | None  # where learning curves go besides `history.csv`
    threads: int | None  # of its process, for features that are not narrow; None for what torch has
    stage: tuple[str, Path] | None = None  # what to copy to a fast disk of the machine first, and its folder there

    def __call__(self, progress: Progress) -> None:
        """Run it, or resume it."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if self.stage is not None:
            staged(*self.stage)
        with curves_to(self.curves):
            self.experiment.run(device=self.device, progress=progress, force=self.force)


def tasks_of(experiments: Sequence[Experiment], work: Callable[[Experiment], RunExperiment]) -> list[Task]:
    """One task an experiment, with what it waits for."""
    titles, before = {one.folder: one.title for one in experiments}, waits(experiments)
    return [
        Task(one.title, one.folder, work(one), frozenset(map(titles.__getitem__, before[one.folder])))
        for one in experiments
    ]


def in_order(experiments: Sequence[Experiment]) -> list[Experiment]:
    """All that have to be run, each once and after those that it needs."""
    found: dict[Path, Experiment] = {}
    for experiment in experiments:
        for one in (*in_order(experiment.needed), experiment):
            found.setdefault(one.folder, one)
    return list(found.values())


def waits(experiments: Sequence[Experiment]) -> dict[Path, set[Path]]:
    """By folder, the folders of those that must have ended before each can begin: needed ones, the first of a head."""
    first: dict[object, Path] = {}
    found: dict[Path, set[Path]] = {}
    folders = {one.folder for one in experiments}
    for one in experiments:
        head = first.setdefault((one.identity.model, one.row.table, one.seed), one.folder)
        found[one.folder] = {head, *(needed.folder for needed in one.needed)} & folders - {one.folder}
    return found


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
