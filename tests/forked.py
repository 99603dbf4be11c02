"""The command line in a copy of this process: what torch takes to import, seven seconds of a core, is spent once."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from pathlib import Path

import torch
import torch._dynamo  # the first optimiser of a process would
from interruption import DEADLINE_S, wait_for
from torch.optim.optimizer import register_optimizer_step_post_hook

from soccerbench.cli import main


class CommandLine:
    """A process that runs the command line; what it prints is in files."""

    def __init__(
        self, folder: Path, arguments: Sequence[object], prepare: Callable[[], object], variables: Mapping[str, str]
    ) -> None:
        self._files = [folder / "stdout", folder / "stderr"]
        for file in self._files:
            file.touch()
        self._process: ForkProcess = multiprocessing.get_context("fork").Process(
            target=self._run, args=([str(one) for one in arguments], prepare, variables)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it exited with, minus the signal that ended it, or None while it runs."""
        return self._process.exitcode

    @property
    def stderr(self) -> str:
        """Standard error until now."""
        return self._files[1].read_text()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.join()

    def communicate(self) -> tuple[str, str]:
        """Wait for its end; standard output and error."""
        self._process.join(DEADLINE_S)
        assert self.returncode is not None, self.stderr
        return self._files[0].read_text(), self.stderr

    def wait_until_stopped(self) -> None:
        """Wait until a SIGSTOP has stopped it."""
        stat = Path(f"/proc/{self.pid}/stat")
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] in "TZ")
        assert self.returncode is None, self.stderr

    def _run(self, arguments: list[str], prepare: Callable[[], object], variables: Mapping[str, str]) -> None:
        for number, file in enumerate(self._files, start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        logging.getLogger().handlers.clear()  # of pytest
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(variables)
        sys.argv = ["soccerbench", *arguments]
        torch.set_num_threads(1)  # the threads of this process are not copied
        prepare()
        main()


@contextmanager
def command_line(
    *arguments: object, prepare: Callable[[], object] = lambda: None, **variables: str
) -> Iterator[CommandLine]:
    """A process that runs the command line, and is killed at the end if it still runs then.

    Args:
        arguments: after `soccerbench`.
        prepare: called in it before, to patch what it uses.
        variables: of its environment.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = CommandLine(Path(folder), arguments, prepare, variables)
        try:
            yield process
        finally:
            process.kill()


def kill_before_rename(arguments: Sequence[object], *, file: str, count: int) -> None:
    """Run the command line in a process that gets SIGKILL before the `count`-th rename to a file called `file`."""
    _run_killed(arguments, lambda: _signal_before_rename(file, count, signal.SIGKILL))


def kill_after_step(arguments: Sequence[object], *, count: int) -> None:
    """Run the command line in a process that gets SIGKILL after the `count`-th step of the optimiser."""
    _run_killed(arguments, lambda: register_optimizer_step_post_hook(_signalling_at(count, signal.SIGKILL)))


@contextmanager
def stopped_before_rename(arguments: Sequence[object], *, file: str) -> Iterator[CommandLine]:
    """Run the command line in a process that stops, as by SIGSTOP, before the first rename to a file called `file`."""
    with command_line(*arguments, prepare=lambda: _signal_before_rename(file, 1, signal.SIGSTOP)) as process:
        process.wait_until_stopped()
        yield process


def _run_killed(arguments: Sequence[object], prepare: Callable[[], object]) -> None:
    with command_line(*arguments, prepare=prepare) as process:
        _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said


def _signal_before_rename(file: str, count: int, number: signal.Signals) -> None:
    reached = _signalling_at(count, number)
    sys.addaudithook(lambda event, args: event == "os.rename" and Path(args[1]).name == file and reached())


def _signalling_at(count: int, number: signal.Signals) -> Callable[..., None]:
    """Sends the process `number` at its `count`-th call."""
    calls = itertools.count(1)

    def reached(*_: object) -> None:
        if next(calls) == count:
            os.kill(os.getpid(), number)

    return reached
