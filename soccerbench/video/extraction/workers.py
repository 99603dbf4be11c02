"""Several processes that extract halves, each with the models on a device of its own.

A worker talks through one pipe. Ctrl-C stops the parent alone, which then closes the pipes; a worker notices that at
its next step and removes what it has begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import cast

import torch

from soccerbench.processes import start_worker
from soccerbench.progress import Progress
from soccerbench.video.extraction.half import HalfExtraction, Outcome
from soccerbench.video.extraction.job import Job, load_models
from soccerbench.video.extraction.videos import Half

GRACE_S = 30


def extract_in_processes(job: Job, halves: Sequence[Half], *, workers: int, progress: Progress) -> Iterator[Outcome]:
    """Extract halves in several processes; the outcomes as they come.

    Args:
        job: which models, and how.
        halves: each is taken by the next worker that is free.
        workers: processes; worker i computes on GPU i modulo the number of GPUs.
        progress: called with a half, its rows that are done and all of them.
    """
    waiting = deque(halves)
    pool = [_Worker(job, index, workers) for index in range(min(workers, len(halves)))]
    try:
        for worker in pool:
            worker.begin(waiting.popleft())
        while busy := {worker.pipe: worker for worker in pool if worker.half is not None}:
            for pipe in wait(list(busy)):
                worker = busy[cast("Connection", pipe)]
                message = worker.receive()
                if isinstance(message, tuple):
                    progress(*message)
                    continue
                yield message
                if waiting and worker.process.is_alive():
                    worker.begin(waiting.popleft())
        for half in waiting:
            text = "no process is left to extract it; run the same command again"
            yield Outcome(half.game, half.half, "failed", text=text)
    finally:
        for worker in pool:
            worker.pipe.close()
        for worker in pool:
            worker.process.join(GRACE_S)
            worker.process.kill()


class _Worker:
    """A process as the parent sees it: its end of the pipe, and the half that it works on."""

    def __init__(self, job: Job, index: int, workers: int) -> None:
        self.process, self.pipe = start_worker(_work, job, index, workers)
        self.half: Half | None = None

    def begin(self, half: Half) -> None:
        self.half = half
        with suppress(OSError):  # it died since; `receive` will say so
            self.pipe.send(half)

    def receive(self) -> tuple[str, int, int] | Outcome:
        """Progress, or what became of the half."""
        assert self.half is not None
        try:
            message: tuple[str, int, int] | Outcome = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            text = f"its process died (exit code {self.process.exitcode}), as when memory runs out; run it again"
            message = Outcome(self.half.game, self.half.half, "failed", text=text)
        if isinstance(message, Outcome):
            self.half = None
        return message


def _work(pipe: Connection, job: Job, index: int, workers: int) -> None:
    """What a worker does: halves in, progress and outcomes out, until the pipe is closed."""
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    device = job.device_of(index)
    models = load_models(job.rows, job.weights, device, plugin=job.plugin)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(HalfExtraction(job, models, pipe.recv(), device).run(lambda *step: pipe.send(step)))
