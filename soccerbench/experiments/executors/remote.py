"""What Ray and Slurm have in common: work that is shipped, progress through small files, ends that are polled.

Conventions
    notes  a folder next to the results, on the storage that all machines share: one file a running task, its last step
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from soccerbench.experiments.executors.task import Ended, Step, Task, attempt, throttled
from soccerbench.files import write_bytes
from soccerbench.processes import Writer

RETRIES = 3
POLL_S = 0.5
NOTES = "tasks"
REPORT_INTERVAL_S = 2.0  # between two steps of a task that are written, at least


@dataclass(frozen=True)
class Shipped:
    """A task as it runs on another machine."""

    task: Task  # what to run
    note: Path  # the file for its steps
    folder: Path  # to run in, so that relative paths mean the same; on storage that all machines share

    def __call__(self) -> Ended:
        """Do the work; an exception of it is returned, so that only a lost task raises one."""
        if self.folder.is_dir():
            os.chdir(self.folder)
        return attempt(self.task, throttled(self._write_step, REPORT_INTERVAL_S))

    def _write_step(self, stage: str, done: int, total: int) -> None:
        with suppress(OSError):  # progress is not worth a failure
            write_bytes(self.note, orjson.dumps([stage, done, total]))

    def checkpoint(self) -> Any:
        """What a job of Slurm does when it is started again: the same, from what its folder holds."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Remote(ABC):
    """An `Executor` on other machines.

    Args:
        jobs: tasks at once at most; None for all that can begin.
    """

    retries = RETRIES

    def __init__(self, shared: Path, jobs: int | None) -> None:
        self._notes, self._jobs = shared.resolve() / f".{NOTES}.{Writer.this()}.part", jobs
        self._waiting: deque[Task] = deque()
        self._running: dict[Any, Shipped] = {}  # by the scheduler's handles
        self._seen: dict[Path, bytes] = {}
        self._count = 0

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks; those that may begin are handed to the machines' scheduler."""
        self._waiting.extend(tasks)
        free = len(self._waiting) if self._jobs is None else self._jobs - len(self._running)
        begin = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        if not begin:
            return
        self._notes.mkdir(parents=True, exist_ok=True)
        numbers = range(self._count, self._count + len(begin))
        self._count += len(begin)
        shipped = [
            Shipped(task, self._notes / f"{number}.json", Path.cwd())
            for task, number in zip(begin, numbers, strict=True)
        ]
        self._running |= zip(self._launch(shipped), shipped, strict=True)

    def messages(self) -> list[Step | Ended]:
        """The steps and the ends since the last call."""
        done = self._wait(list(self._running))
        found: list[Step | Ended] = [step for shipped in self._running.values() for step in self._steps(shipped)]
        for handle in done:
            shipped = self._running.pop(handle)
            shipped.note.unlink(missing_ok=True)
            found.append(self._end(shipped.task, handle))
        self.submit([])
        return found

    def close(self) -> None:
        """Cancel what still runs."""
        for handle in self._running:
            self._cancel(handle)
        self._running = {}
        shutil.rmtree(self._notes, ignore_errors=True)

    def _steps(self, shipped: Shipped) -> Iterator[Step]:
        """The last step of a task, if it is new."""
        with suppress(OSError, orjson.JSONDecodeError):
            content = shipped.note.read_bytes()
            if self._seen.get(shipped.note) != content:
                self._seen[shipped.note] = content
                yield Step(shipped.task.title, *orjson.loads(content))

    @abstractmethod
    def _launch(self, shipped: Sequence[Shipped]) -> list[Any]:
        """Start tasks; a handle of each."""

    @abstractmethod
    def _wait(self, handles: list[Any]) -> list[Any]:
        """The handles of those that have ended, after at most POLL_S."""

    @abstractmethod
    def _end(self, task: Task, handle: Any) -> Ended:
        """The end of one of them."""

    @abstractmethod
    def _cancel(self, handle: Any) -> None:
        """Stop one of the others."""
