"""Tasks as jobs of a Slurm cluster, by submitit.

Conventions
    array    tasks that can begin at the same time are one array of jobs
    requeue  a job that Slurm preempts, or whose time is over, is queued again and resumes
    left     a job whose command was killed; the next command on this machine that has the same task takes it over
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

from soccerbench.experiments.executors.remote import NOTES, POLL_S, Remote, Shipped
from soccerbench.experiments.executors.task import Ended, Task
from soccerbench.files import leftovers, remove, write_bytes

JOB_MIN = 24 * 60  # before Slurm ends a job, which is then queued again; $SBATCH_TIMELIMIT goes before
LOGS, RECORD = ".slurm", ".job"
CLUSTER = "slurm"  # tests have submitit's "local"
ALIVE = frozenset({"PENDING", "RUNNING", "REQUEUED", "COMPLETING", "PREEMPTED", "SUSPENDED"})
log = logging.getLogger(__name__)


class Slurm(Remote):
    """An `Executor` of Slurm jobs.

    Args:
        shared: a folder that all nodes see; the jobs' logs go into `.slurm` in it.
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
        self._job = getattr(submitit, f"{CLUSTER.title()}Job")
        self._old = {folder: self._recorded(folder) for folder in leftovers(shared, of=NOTES)}
        self._remove_old()

    def close(self) -> None:
        """Cancel what still runs."""
        super().close()
        self._remove_old()

    def _launch(self, shipped: Sequence[Shipped]) -> list[Any]:
        keys = [_key(one.task) for one in shipped]
        found = [self._taken_over(key, one) for key, one in zip(keys, shipped, strict=True)]
        with ExitStack() as stack:
            if found.count(None) > 1:
                stack.enter_context(self._executor.batch())
            jobs = [self._executor.submit(one) if job is None else job for one, job in zip(shipped, found, strict=True)]
        for key, job, one in zip(keys, jobs, shipped, strict=True):
            write_bytes(one.note.with_name(f"{key}{RECORD}"), f"{job.job_id} {one.note.name}".encode())
        return jobs

    def _taken_over(self, key: str, shipped: Shipped) -> Any:
        """The job of this task that a killed command left, if it still runs."""
        for jobs in self._old.values():
            job, note = jobs.get(key, (None, Path()))
            if job is not None and job.state in ALIVE:
                log.warning("%s: job %s of an earlier command still runs it", shipped.task.title, job.job_id)
                shipped.note.symlink_to(note)
                return job
        return None

    def _recorded(self, folder: Path) -> dict[str, tuple[Any, Path]]:
        """The jobs of a killed command and the files of their steps, by their tasks' keys."""
        found = {}
        for file in folder.glob(f"*{RECORD}"):
            match = re.fullmatch(r"([0-9]+(?:_[0-9]+)?) ([0-9]+\.json)", file.read_text())
            if match:
                found[file.stem] = self._job(self._executor.folder, match[1]), folder.resolve() / match[2]
        return found

    def _remove_old(self) -> None:
        """Remove what killed commands left, unless one of their jobs still runs."""
        for folder, jobs in list(self._old.items()):
            if all(job.state not in ALIVE for job, _ in jobs.values()):
                remove(folder)
                del self._old[folder]

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


def _key(task: Task) -> str:
    """Equal for equal work in the same folder, in any process; work without a `repr` of its content has its own."""
    return hashlib.sha256(repr((task.title, task.folder, task.work)).encode()).hexdigest()[:32]
