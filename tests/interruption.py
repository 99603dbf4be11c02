"""Ways to stop a run at a named point, and to wait for something with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

DEADLINE_S = 200  # for each wait; a busy machine needs 90 s to import torch in three processes and train an epoch

KILLED = """
import os, signal, sys

point, file, count = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))

def reached(*_):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)

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


def _run_killed(point: str, file: str, count: int, arguments: Sequence[object]) -> None:
    command = [sys.executable, "-c", KILLED, point, file, str(count), *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=DEADLINE_S
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
