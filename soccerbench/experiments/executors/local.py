"""Several experiments at once, each in a process of its own, with the numbers of one after the other.

Conventions
    worker  a fresh process that runs one experiment after the other (`worker`)
    needed  an experiment whose predictions another one takes; that one waits for it
    head    of those that share a head, the first trains it and the others wait to take its weights
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.experiments.executors.worker import Call, Ended, Step, serve
from soccerbench.experiments.experiment import Experiment
from soccerbench.progress import Progress

PATIENCE_S = 10  # with a worker that was told to stop


class ElsewhereError(Exception):
    """The traceback of what was raised in a worker."""


def run_at_once(
    experiments: Sequence[Experiment],
    call: Call,
    *,
    jobs: int,
    progress: Callable[[str], Progress],
    on_done: Callable[[Experiment], None],
) -> None:
    """Run experiments and those that they need; at the first that fails all are stopped, to go on at the next call.

    Args:
        experiments: of one root, prepared.
        call: device and so on.
        jobs: processes at most; each takes as much memory as a run of its own.
        progress: an experiment's title -> what it reports its steps to.
        on_done: called with each that has ended, in whatever order.

    Raises:
        ValueError: what an experiment could not use, in one line.
        InputError: a process was killed.
        RuntimeError: an experiment failed otherwise; its traceback is the cause.
    """
    waiting = in_order(experiments)
    before = waits(waiting)
    running: dict[Connection, tuple[Experiment, Progress]] = {}
    with _workers(min(jobs, len(waiting)), call) as workers:
        while waiting or running:
            ready = [one for one in waiting if not before[one.folder]]
            for experiment, free in zip(ready, [link for link in workers if link not in running], strict=False):
                waiting.remove(experiment)
                running[free] = experiment, progress(experiment.title)
                with suppress(OSError):  # a worker that is gone is told of below
                    free.send((experiment.row, experiment.seed))
            for link in wait(list(running)):
                assert isinstance(link, Connection)
                experiment, told = running[link]
                message = _received(link, workers[link], experiment)
                if not isinstance(message, Ended):
                    told(message.stage, message.done, message.total)
                    continue
                _raise_failure(message, experiment)
                del running[link]
                for others in before.values():
                    others.discard(experiment.folder)
                on_done(experiment)


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
    for one in experiments:
        first.setdefault(one.head_key or one.folder, one.folder)
    folders = {one.folder for one in experiments}
    return {
        one.folder: {first[one.head_key or one.folder], *(needed.folder for needed in one.needed)}
        & folders - {one.folder}
        for one in experiments
    }


@contextmanager
def _workers(count: int, call: Call) -> Iterator[dict[Connection, BaseProcess]]:
    """Processes by the pipes to them; when this is left they end, whatever they are at."""
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, BaseProcess] = {}
    try:
        with _deaf_to_the_keyboard():
            for _ in range(count):
                link, other = context.Pipe()
                process = context.Process(target=serve, args=(other, call), daemon=True)
                process.start()
                other.close()
                workers[link] = process
        yield workers
    finally:
        for link, worker in workers.items():
            link.close()
            worker.terminate()
        for worker in workers.values():
            worker.join(PATIENCE_S)
            worker.kill()
            worker.join()


@contextmanager
def _deaf_to_the_keyboard() -> Iterator[None]:
    """Processes started in here leave Ctrl-C to this one, which hears it at the end."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _received(link: Connection, process: BaseProcess, experiment: Experiment) -> Step | Ended:
    try:
        message: Step | Ended = link.recv()
    except (EOFError, ConnectionError):
        process.join(PATIENCE_S)
        raise InputError(
            experiment.folder,
            f"its process ended with code {process.exitcode}",
            "the same command goes on where it was; fewer --jobs take less memory",
        ) from None
    return message


def _raise_failure(message: Ended, experiment: Experiment) -> None:
    if message.trace is None:
        return
    cause = ElsewhereError(f"\n{message.trace}")
    if message.problem is not None:
        raise ValueError(message.problem) from cause
    raise RuntimeError(f"{experiment.title} failed") from cause
