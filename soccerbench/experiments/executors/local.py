"""Tasks in processes of this machine.

Not `ProcessPoolExecutor`: there the death of one worker fails every task, and workers outlive a killed parent.

Conventions
    worker  a fresh process that runs one task after another; a dead one is replaced
    lost    not tried again: a process that is killed here was most often out of memory
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

from soccerbench.experiments.executors.task import Ended, Step, Task, attempt, throttled
from soccerbench.processes import start_worker

PATIENCE_S = 10  # with a worker that is to stop
REPORT_INTERVAL_S = 0.1  # between two steps of one kind of stage that are reported, at least


class Local:
    """An `Executor` of processes.

    Args:
        environments: of the processes, one after the other and again from the first; variables to set.
    """

    retries = 0

    def __init__(self, jobs: int, environments: Sequence[Mapping[str, str]] = ({},)) -> None:
        self._free = deque(environments[number % len(environments)] for number in range(jobs))
        self._waiting: deque[Task] = deque()
        self._idle: list[Connection] = []
        self._running: dict[Connection, Task] = {}
        self._processes: dict[Connection, tuple[BaseProcess, Mapping[str, str]]] = {}

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks; those for which there is a process begin."""
        self._waiting.extend(tasks)
        while self._waiting and (self._idle or self._free):
            if not self._idle:
                environment = self._free.popleft()
                process, link = start_worker(serve, dict(environment))
                self._processes[link] = process, environment
                self._idle.append(link)
            link = self._idle.pop()
            self._running[link] = self._waiting.popleft()
            with suppress(OSError):  # a worker that died is reported by `messages`
                link.send(self._running[link])

    def messages(self) -> list[Step | Ended]:
        """Wait for a step or an end."""
        found = [self._received(cast("Connection", link)) for link in wait(list(self._running))]
        self.submit([])
        return found

    def close(self) -> None:
        """End all processes, whatever they do."""
        for link, (process, _) in self._processes.items():
            link.close()
            process.terminate()
        for process, _ in self._processes.values():
            process.join(PATIENCE_S)
            process.kill()
            process.join()
        self._processes = {}

    def _received(self, link: Connection) -> Step | Ended:
        try:
            message: Step | Ended = link.recv()
        except (EOFError, ConnectionError):
            process, environment = self._processes.pop(link)
            self._free.append(environment)
            process.join(PATIENCE_S)
            return Ended(self._running.pop(link).title, lost=f"its process ended with code {process.exitcode}")
        if isinstance(message, Ended):
            del self._running[link]
            self._idle.append(link)
        return message


def gpu_environments(gpus: float = 1) -> list[dict[str, str]]:
    """The environments of workers that each see so many GPUs of those that this process may use, at least one."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else [str(number) for number in range(torch.cuda.device_count())]
    each = max(int(gpus), 1)
    if each > len(names):
        raise ValueError(f"--gpus {gpus:g}: this machine has {len(names)}")
    groups = [names[first : first + each] for first in range(0, len(names) - each + 1, each)]
    return [{"CUDA_VISIBLE_DEVICES": ",".join(group)} for group in groups]


def serve(link: Connection, environment: Mapping[str, str]) -> None:
    """Run the tasks that come through the pipe."""
    os.environ.update(environment)
    while True:
        try:
            task: Task = link.recv()
        except EOFError:
            _catch_sigterm()
            return
        _send(link, attempt(task, throttled(partial(_send_step, link, task.title), REPORT_INTERVAL_S)))


def _send_step(link: Connection, title: str, stage: str, done: int, total: int) -> None:
    _send(link, Step(title, stage, done, total))


def _send(link: Connection, message: Step | Ended) -> None:
    """Send a message; end this process when nobody reads it any more."""
    try:
        link.send(message)
    except OSError:
        _catch_sigterm()
        sys.exit(1)


def _catch_sigterm() -> None:
    """Ignore SIGTERM from here on, because the process is ending; with SIG_IGN Python would warn of a pending one."""
    signal.signal(signal.SIGTERM, lambda *_: None)
