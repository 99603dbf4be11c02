"""The tasks of an extraction: one a half, with all its models."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from soccerbench.experiments.executors.task import Ended, Task
from soccerbench.progress import Progress
from soccerbench.video.extraction.half import HalfExtraction, Outcome
from soccerbench.video.extraction.job import Job, Loaded, load_models
from soccerbench.video.extraction.videos import Half

_loaded: list[tuple[Job, dict[str, Loaded]]] = []  # the models of this process


@dataclass(frozen=True)
class ExtractHalf:
    """The work of one task; a process loads the models for its first half and keeps them.

    Args:
        job: which models, and how.
        half: of the job's root.
        threads: of the process.
    """

    job: Job
    half: Half
    threads: int

    def __call__(self, progress: Progress) -> Outcome:
        """Extract what is missing of the half."""
        torch.set_num_threads(self.threads)
        if not _loaded or _loaded[0][0] != self.job:
            models = load_models(self.job.rows, self.job.weights, self.job.torch_device, plugin=self.job.plugin)
            _loaded[:] = [(self.job, models)]
        return HalfExtraction(self.job, _loaded[0][1], self.half, self.job.torch_device).run(progress)


def task_of(job: Job, half: Half, *, threads: int) -> Task:
    """The task of a half."""
    return Task(half.title, job.out / half.game, ExtractHalf(job, half, threads))


def outcome_of(task: Task, end: Ended) -> Outcome:
    """What became of the half of a task.

    Raises:
        ValueError, RuntimeError: what stopped it, if that was not the half or its process.
    """
    if end.lost is not None:
        assert isinstance(task.work, ExtractHalf)
        half = task.work.half
        return Outcome(half.game, half.half, "failed", text=f"{end.lost}, as when memory runs out; run it again")
    end.raise_failure(task)
    outcome: Outcome = end.value
    return outcome
