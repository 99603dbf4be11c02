"""The worker side of `local`: a process that runs one experiment after another and reports its progress."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from soccerbench.errors import line_of
from soccerbench.experiments.experiment import Experiment
from soccerbench.training.loggers import curves_to

REPORT_INTERVAL_S = 0.1  # between two steps of one stage that are reported, at least


@dataclass(frozen=True)
class Options:
    """How the experiments of one call are run.

    Args:
        device: "auto", "cpu" or "cuda".
        force: overwrite runs of another spec, other data or code.
        curves: where learning curves go besides `history.csv`.
        threads: of each process, for features that are not narrow.
    """

    device: str
    force: bool
    curves: str | None
    threads: int


@dataclass(frozen=True)
class Step:
    """Progress of the experiment, with the arguments of `Progress`."""

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


def serve(link: Connection, experiments: Sequence[Experiment], options: Options) -> None:
    """Run the experiments whose places in the list come through the pipe."""
    torch.set_num_threads(options.threads)
    reporter = _Reporter(link)
    while True:
        try:
            experiment = experiments[link.recv()]
        except EOFError:
            _catch_sigterm()
            return
        try:
            with curves_to(options.curves):
                experiment.run(device=options.device, progress=reporter, force=options.force)
        except (ValueError, ModuleNotFoundError, OSError) as error:
            reporter.send(Ended(line_of(error), traceback.format_exc()))
        except Exception:  # the other side raises it again
            reporter.send(Ended(None, traceback.format_exc()))
        else:
            reporter.send(Ended())


class _Reporter:
    """A `Progress` that sends steps through a pipe; it ends this process when nobody reads them any more."""

    def __init__(self, link: Connection) -> None:
        self._link, self._stage, self._sent_s = link, "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Send a step, unless the last one was sent just before."""
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._sent_s >= REPORT_INTERVAL_S:
            self._stage, self._sent_s = stage, now_s
            self.send(Step(stage, done, total))

    def send(self, message: Step | Ended) -> None:
        """Send a message."""
        try:
            self._link.send(message)
        except OSError:
            _catch_sigterm()
            sys.exit(1)


def _catch_sigterm() -> None:
    """Ignore SIGTERM from here on, because the process is ending; with SIG_IGN Python would warn of a pending one."""
    signal.signal(signal.SIGTERM, lambda *_: None)
