"""Where the tasks of a call run: the options --on, --jobs, --cpus and --gpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from soccerbench.experiments.executors.local import Local, gpu_environments
from soccerbench.experiments.executors.task import Executor, Task, run_tasks
from soccerbench.progress import Progress

PACKAGES = {"ray": "ray", "slurm": "submitit"}
Value = TypeVar("Value")


@dataclass(frozen=True)
class Machines:
    """Where tasks run, and what each takes."""

    on: str = "local"  # "local", "ray", "ray:ADDRESS", "slurm" or "slurm:PARTITION"
    jobs: int | None = None  # tasks at once at most; None for what the verb chooses here, and for all elsewhere
    cpus: int | None = None  # cores a task; None for one, or here for its share of them
    gpus: float | None = None  # GPUs a task; None for one where the device is "cuda", else none

    def __post_init__(self) -> None:
        if self.kind not in ("local", *PACKAGES) or (self.is_here and ":" in self.on):
            raise ValueError(f"--on {self.on!r}: give local, ray, ray:ADDRESS, slurm or slurm:PARTITION")
        package = PACKAGES.get(self.kind)
        if package is not None and find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    @property
    def kind(self) -> str:
        """local, ray or slurm."""
        return self.on.partition(":")[0]

    @property
    def is_here(self) -> bool:
        """Whether tasks run on this machine, as processes of this call."""
        return self.kind == "local"

    def threads(self, available: int, jobs: int) -> int:
        """Threads of each task."""
        return self.cpus or (max(available // jobs, 1) if self.is_here else 1)

    def executor(self, shared: Path, *, jobs: int, device: str) -> Executor:
        """A new executor.

        Args:
            device: "cuda" for a GPU a task, if not given.
        """
        place = self.on.partition(":")[2] or None
        gpus = float(device == "cuda") if self.gpus is None else self.gpus
        if self.kind == "ray":
            from soccerbench.experiments.executors.ray import Ray

            return Ray(shared, address=place, jobs=self.jobs, cpus=self.cpus or 1, gpus=gpus)
        if self.kind == "slurm":
            from soccerbench.experiments.executors.slurm import Slurm

            return Slurm(shared, partition=place, jobs=self.jobs, cpus=self.cpus or 1, gpus=gpus)
        return Local(jobs, gpu_environments(gpus) if device == "cuda" else [{}])

    def call(
        self, work: Callable[[Progress], Value], *, title: str, folder: Path, progress: Progress, device: str = "cpu"
    ) -> Value:
        """What `work` returns: called here, or as a single task elsewhere.

        Args:
            work: what to do; called again, it resumes.
            folder: what it reads or writes; its parent is on storage that all machines share.
        """
        if self.is_here:
            return work(progress)
        executor = self.executor(folder.resolve().parent, jobs=1, device=device)
        ((task, end),) = run_tasks([Task(title, folder, work)], executor, progress=lambda _: progress)
        end.raise_failure(task)
        value: Value = end.value
        return value


HERE = Machines()
