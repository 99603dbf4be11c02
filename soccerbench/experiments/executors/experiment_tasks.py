"""The tasks of experiments.

Conventions
    needed  an experiment whose predictions another one takes; that one waits for it
    head    of those that share a head, the first trains it and the others wait to take its weights
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from soccerbench.experiments.executors.task import Task
from soccerbench.experiments.experiment import Experiment
from soccerbench.features.stage import staged
from soccerbench.progress import Progress
from soccerbench.training.loggers import curves_to


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
