"""What an executor runs and reports, the protocol that every executor follows, and which task begins when.

Conventions
    task    a title, the folder it writes, and work that pickles; called again, the work resumes what the folder holds
    failed  the work raised an exception: it is never tried again
    lost    the process, job or node of the work ended: it is submitted again as often as the executor allows
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from soccerbench.errors import InputError, line_of
from soccerbench.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One piece of work."""

    title: str  # for people, and unique
    folder: Path  # what it writes
    work: Callable[[Progress], object]  # called with a `Progress`; what it returns is the value of its `Ended`
    after: frozenset[str] = frozenset()  # titles of the tasks that must end first


@dataclass(frozen=True)
class Step:
    """Progress of a task, with the arguments of `Progress`."""

    title: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Ended:
    """The end of a task."""

    title: str  # of the task
    value: Any = None  # what its work returned
    problem: str | None = None  # one line, where some input was unusable
    trace: str | None = None  # the traceback, where the work failed
    lost: str | None = None  # what happened to the process of the work, where it did not end itself

    def raise_failure(self, task: Task) -> None:
        """Raise what stopped the task, if anything did.

        Raises:
            ValueError: what the work could not use, in one line.
            InputError: its process was lost.
            RuntimeError: the work failed otherwise; its traceback is the cause.
        """
        if self.lost is not None:
            raise InputError(task.folder, self.lost, "the same command resumes it; fewer --jobs take less memory")
        if self.trace is None:
            return
        cause = ElsewhereError(f"\n{self.trace}")
        if self.problem is not None:
            raise ValueError(self.problem) from cause
        raise RuntimeError(f"{self.title} failed") from cause


class ElsewhereError(Exception):
    """The traceback of what was raised in another process."""


class Executor(Protocol):
    """Runs tasks somewhere; `run_tasks` decides which and when."""

    @property
    def retries(self) -> int:
        """How often a lost task is submitted again."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks that can begin now."""

    def messages(self) -> Iterable[Step | Ended]:
        """Wait a while for news of the tasks that were submitted."""

    def close(self) -> None:
        """Stop what still runs."""


def throttled(progress: Progress, interval_s: float) -> Progress:
    """Report a step of another kind of stage at once, the others at most once in an interval."""
    reported_s, kind = 0.0, ""

    def step(stage: str, done: int, total: int) -> None:
        nonlocal reported_s, kind
        now_s, mine = time.monotonic(), stage.partition(" ")[0]
        if mine != kind or now_s - reported_s >= interval_s:
            reported_s, kind = now_s, mine
            progress(stage, done, total)

    return step


def attempt(task: Task, progress: Progress) -> Ended:
    """Do the work of a task here; an exception becomes part of what is returned."""
    try:
        return Ended(task.title, task.work(progress))
    except (ValueError, ModuleNotFoundError, OSError) as error:
        return Ended(task.title, problem=line_of(error), trace=traceback.format_exc())
    except Exception:  # the other side raises it again
        return Ended(task.title, trace=traceback.format_exc())


def run_tasks(
    tasks: Sequence[Task], executor: Executor, *, progress: Callable[[str], Progress]
) -> Iterator[tuple[Task, Ended]]:
    """Run tasks; the executor is closed at the end, however that comes.

    Args:
        tasks: in the order in which they begin where several can.
        executor: where they run.
        progress: a task's title -> what its steps are reported to.

    Yields:
        Each task with its end, in any order that the dependencies allow.
    """
    known = {task.title: task for task in tasks}
    graph = TopologicalSorter({task.title: task.after & known.keys() for task in tasks})
    graph.prepare()
    begun: dict[str, Progress] = {}
    losses: Counter[str] = Counter()
    with closing(executor):
        while graph.is_active():
            executor.submit([known[title] for title in graph.get_ready()])
            for message in executor.messages():
                title = message.title
                if title not in begun:
                    begun[title] = progress(title)
                if isinstance(message, Step):
                    begun[title](message.stage, message.done, message.total)
                elif message.lost is not None and losses[title] < executor.retries:
                    losses[title] += 1
                    log.warning(
                        "%s: %s; it runs again (%d of %d)", title, message.lost, losses[title], executor.retries
                    )
                    executor.submit([known[title]])
                else:
                    graph.done(title)
                    yield known[title], message
