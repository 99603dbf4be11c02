"""Ways to stop a run at a named point, and to wait for something with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from soccerbench.lease import only_writer

DEADLINE_S = 200  # for each wait; a busy machine needs 90 s to import torch in three processes and train an epoch

KILLED = """
import os, signal, sys

point, file, count, number = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1)), int(sys.argv.pop(1))

def reached(*_):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), number)

def renames(event, arguments):
    if event == "os.rename" and os.path.basename(arguments[1]) == file:
        reached()

from soccerbench.cli import main

if point == "rename":
    sys.addaudithook(renames)
else:
    from torch.optim.optimizer import register_optimizer_step_post_hook
    register_optimizer_step_post_hook(reached)
main()
"""


def assert_waits_for_the_writer(
    work: Callable[[], object], caplog: pytest.LogCaptureFixture, of: Path, *, lease: Path | None = None
) -> None:
    """Run `work` while somebody else writes `of`: it says so, and does nothing until that has ended.

    Raises:
        AssertionError: it does not wait, or fails.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with only_writer(of, lease=lease):
        thread.start()
        wait_for(lambda: "waiting until it has ended" in caplog.text or not thread.is_alive())
        assert thread.is_alive(), failed
        assert f"{of}: process {os.getpid()} on " in caplog.text
        before = {file: file.stat().st_mtime_ns for file in of.rglob("*") if file.is_file()}
        time.sleep(0.2)
        assert {file: file.stat().st_mtime_ns for file in of.rglob("*") if file.is_file()} == before
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert not failed
    assert not list(of.parent.rglob(".*lease"))


class Killed(BaseException):
    """Not an `Exception`, so no code of the package catches it."""


def killing_at(step: int) -> Callable[..., None]:
    """A progress callback that raises `Killed` at its `step`-th call, counted from 1."""
    count = 0

    def stop(*_: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            raise Killed

    return stop


def kill_before_rename(arguments: Sequence[object], *, file: str, count: int) -> None:
    """Run the command line in a process that gets SIGKILL before the `count`-th rename to a file called `file`."""
    _run_killed("rename", file, count, arguments)


def kill_after_step(arguments: Sequence[object], *, count: int) -> None:
    """Run the command line in a process that gets SIGKILL after the `count`-th step of the optimiser."""
    _run_killed("step", "", count, arguments)


@contextmanager
def stopped_before_rename(arguments: Sequence[object], *, file: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command line in a process that stops, as by SIGSTOP, before the first rename to a file called `file`."""
    with started(_command("rename", file, 1, signal.SIGSTOP, arguments)) as process:
        stat = Path(f"/proc/{process.pid}/stat")
        wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] in "TZ")
        assert process.poll() is None
        yield process


@contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end, if it still runs then."""
    with subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _command(point: str, file: str, count: int, number: signal.Signals, arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "-c", KILLED, point, file, str(count), str(int(number)), *map(str, arguments)]


def _run_killed(point: str, file: str, count: int, arguments: Sequence[object]) -> None:
    done = subprocess.run(
        _command(point, file, count, signal.SIGKILL, arguments),
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def wait_for(condition: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    """Return when `condition()` is true.

    Raises:
        AssertionError: it was not true within `within_s` seconds.
    """
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {condition}"
        time.sleep(0.02)
