"""The other side of `executor`: a process that runs one experiment after the other, and tells how it goes.

It ends when its pipe closes, which is also what happens when the process that started it is killed.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from soccerbench.errors import line_of
from soccerbench.experiments.experiment import Experiment, experiment_of
from soccerbench.features.dataset import Dataset
from soccerbench.training.loggers import curves_to

BETWEEN_STEPS_S = 0.1  # steps of one stage are told this far apart at least


@dataclass(frozen=True)
class Call:
    """What all experiments of one call share, fit to be sent to another process.

    Args:
        data: the folder of the data.
        features: where its features lie.
        dataset: what the data are called.
        out: the folder of all runs.
        plugin: a file with heads of one's own.
        device: "auto", "cpu" or "cuda".
        force: overwrite runs of another spec, other data or code.
        curves: where learning curves go besides `history.csv`.
        threads: of each process, for features that are not narrow.
    """

    data: Path
    features: Path
    dataset: str
    out: Path
    plugin: Path | None
    device: str
    force: bool
    curves: str | None
    threads: int

    @classmethod
    def of(cls, experiments: Sequence[Experiment], *, device: str, force: bool, curves: str | None, jobs: int) -> Call:
        """The call of experiments on one root, which share this process's threads."""
        root, out = experiments[0].root, experiments[0].out
        plugin = next((experiment.plugin for experiment in experiments if experiment.plugin), None)
        threads = max(torch.get_num_threads() // jobs, 1)
        return cls(root.path, root.features_path, root.name, out, plugin, device, force, curves, threads)


@dataclass(frozen=True)
class Step:
    """Where the experiment is, as `Progress` is told."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Ended:
    """The experiment is complete, or has failed.

    Args:
        problem: one line, where something was unusable.
        trace: the traceback of whatever was raised.
    """

    problem: str | None = None
    trace: str | None = None


def serve(link: Connection, call: Call) -> None:
    """Run the rows and seeds that come through the pipe."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that files half written are removed
    torch.set_num_threads(call.threads)
    root = Dataset(call.data, features=call.features, name=call.dataset)
    told = _Teller(link)
    while True:
        try:
            row, seed = link.recv()
        except EOFError:
            _go_undisturbed()
            return
        try:
            with curves_to(call.curves):
                experiment = experiment_of(row, seed, root=root, out=call.out, plugin=call.plugin)
                experiment.run(device=call.device, progress=told, force=call.force)
        except (ValueError, ModuleNotFoundError, OSError) as error:
            told.say(Ended(line_of(error), traceback.format_exc()))
        except Exception:  # the other side raises it again
            told.say(Ended(None, traceback.format_exc()))
        else:
            told.say(Ended())


class _Teller:
    """A `Progress` at the other end of a pipe; nobody there any more ends this process."""

    def __init__(self, link: Connection) -> None:
        self._link, self._stage, self._said_s = link, "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell a step, unless the last one is only just told."""
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._said_s >= BETWEEN_STEPS_S:
            self._stage, self._said_s = stage, now_s
            self.say(Step(stage, done, total))

    def say(self, message: Step | Ended) -> None:
        """Send a message."""
        try:
            self._link.send(message)
        except OSError:
            _go_undisturbed()
            sys.exit(1)


def _go_undisturbed() -> None:
    """Be told to end no more: the process is ending."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # ignoring it would be complained of where one is on its way
