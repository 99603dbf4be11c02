"""Tasks as jobs of a Slurm cluster, by submitit.

Conventions
    array    tasks that can begin at the same time are one array of jobs
    requeue  a job that Slurm preempts, or whose time is over, is queued again and resumes
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from soccerbench.experiments.executors.remote import POLL_S, Remote, Shipped
from soccerbench.experiments.executors.task import Ended, Task

JOB_MIN = 24 * 60  # before Slurm ends a job, which is then queued again; $SBATCH_TIMELIMIT goes before
LOGS = ".slurm"
CLUSTER = "slurm"  # tests have submitit's "local"


class Slurm(Remote):
    """An `Executor` of Slurm jobs.

    Args:
        shared: a folder that all nodes see; the jobs' logs go into `.slurm` in it.
        partition: of the cluster; None for its default.
        jobs: at once at most.
        cpus: cores of each job.
        gpus: of each job, a whole number.
    """

    def __init__(self, shared: Path, *, partition: str | None, jobs: int | None, cpus: int, gpus: float) -> None:
        import submitit

        if gpus != int(gpus):
            raise ValueError(f"--gpus {gpus:g}: Slurm gives whole GPUs; give a whole number")
        super().__init__(shared, jobs)
        try:
            self._executor = submitit.AutoExecutor(shared.resolve() / LOGS, cluster=CLUSTER)
        except RuntimeError:
            raise ValueError("--on slurm: no `srun` here; run this on a machine of the Slurm cluster") from None
        self._executor.update_parameters(
            name="soccerbench", timeout_min=JOB_MIN, cpus_per_task=cpus, gpus_per_node=int(gpus),
            **({"slurm_partition": partition} if partition else {}),
        )  # fmt: skip
        logging.getLogger("submitit").setLevel(logging.ERROR)
        self._failures = (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError)

    def _launch(self, shipped: Sequence[Shipped]) -> list[Any]:
        with ExitStack() as stack:
            if len(shipped) > 1:
                stack.enter_context(self._executor.batch())
            return [self._executor.submit(Requeued(one)) for one in shipped]

    def _wait(self, handles: list[Any]) -> list[Any]:
        sleep(POLL_S)
        return [handle for handle in handles if handle.done()]

    def _end(self, task: Task, handle: Any) -> Ended:
        try:
            ended: Ended = handle.result()
        except self._failures:
            return Ended(task.title, lost=f"its job {handle.job_id} ended as {handle.state}")
        return ended

    def _cancel(self, handle: Any) -> None:
        handle.cancel(check=False)


@dataclass(frozen=True)
class Requeued:
    """Work that Slurm may stop and start again."""

    shipped: Shipped

    def __call__(self) -> Ended:
        """Do it."""
        return self.shipped()

    def checkpoint(self) -> Any:
        """What the job does when it is started again: the same, from what its folder holds."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
