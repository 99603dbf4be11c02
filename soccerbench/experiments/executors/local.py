"""Several experiments at once, each in a process of this machine, with the numbers of one after another.

Conventions
    worker  a fresh process that runs one experiment after another (`worker`)
    needed  an experiment whose predictions another one takes; that one waits for it
    head    of those that share a head, the first trains it and the others wait to take its weights
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.experiments.executors.worker import Ended, Options, Step, serve
from soccerbench.experiments.experiment import Experiment
from soccerbench.processes import start_worker
from soccerbench.progress import Progress

PATIENCE_S = 10  # with a worker that is to stop


class ElsewhereError(Exception):
    """The traceback of what was raised in a worker."""


def run_at_once(
    experiments: Sequence[Experiment],
    options: Options,
    *,
    jobs: int,
    progress: Callable[[str], Progress],
    on_done: Callable[[Experiment], None],
) -> None:
    """Run experiments and those that they need; at the first failure all are stopped, and the next call resumes them.

    Args:
        experiments: as planned.
        options: device and so on.
        jobs: processes at most; each takes as much memory as one run.
        progress: an experiment's title -> what it reports its steps to.
        on_done: called with each that has ended, in any order.

    Raises:
        ValueError: what an experiment could not use, in one line.
        InputError: a process was killed.
        RuntimeError: an experiment failed otherwise; its traceback is the cause.
    """
    waiting = in_order(experiments)
    place, before = {one.folder: number for number, one in enumerate(waiting)}, waits(waiting)
    running: dict[Connection, tuple[Experiment, Progress]] = {}
    with _workers(min(jobs, len(waiting)), waiting, options) as workers:
        while waiting or running:
            ready = [one for one in waiting if not before[one.folder]]
            for experiment, free in zip(ready, [link for link in workers if link not in running], strict=False):
                waiting.remove(experiment)
                running[free] = experiment, progress(experiment.title)
                with suppress(OSError):  # a worker that died is reported below
                    free.send(place[experiment.folder])
            for link in wait(list(running)):
                assert isinstance(link, Connection)
                experiment, report = running[link]
                message = _received(link, workers[link], experiment)
                if not isinstance(message, Ended):
                    report(message.stage, message.done, message.total)
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
    found: dict[Path, set[Path]] = {}
    folders = {one.folder for one in experiments}
    for one in experiments:
        head = first.setdefault((one.identity.model or one.folder, one.row.table, one.seed), one.folder)
        found[one.folder] = {head, *(needed.folder for needed in one.needed)} & folders - {one.folder}
    return found


@contextmanager
def _workers(
    count: int, experiments: Sequence[Experiment], options: Options
) -> Iterator[dict[Connection, BaseProcess]]:
    """Processes by the pipes to them; all end with this context, whatever they do."""
    workers: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(count):
            process, link = start_worker(serve, tuple(experiments), options)
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


def _received(link: Connection, process: BaseProcess, experiment: Experiment) -> Step | Ended:
    try:
        message: Step | Ended = link.recv()
    except (EOFError, ConnectionError):
        process.join(PATIENCE_S)
        raise InputError(
            experiment.folder,
            f"its process ended with code {process.exitcode}",
            "the same command resumes it; fewer --jobs take less memory",
        ) from None
    return message


def _raise_failure(message: Ended, experiment: Experiment) -> None:
    if message.trace is None:
        return
    cause = ElsewhereError(f"\n{message.trace}")
    if message.problem is not None:
        raise ValueError(message.problem) from cause
    raise RuntimeError(f"{experiment.title} failed") from cause
