"""Ways to stop a run where no code of ours can stand in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

DYING = """
import os, random, signal, sys, threading
from soccerbench.cli import main
from soccerbench.training import checkpoint

save, left, within_s = checkpoint.save, int(sys.argv.pop(1)), float(sys.argv.pop(1))

def save_and_count(*arguments):
    global left
    save(*arguments)
    left -= 1
    if left == 0:
        threading.Timer(random.uniform(0, within_s), os.kill, (os.getpid(), signal.SIGKILL)).start()

checkpoint.save = save_and_count
main()
"""


class Killed(BaseException):
    """What no code of ours catches."""


def killing_at(step: int) -> Callable[..., None]:
    """A progress that raises `Killed` the `step`-th time it is called, counted from 1."""
    count = 0

    def stop(*_: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            raise Killed

    return stop


def die(arguments: Sequence[object], *, epoch: int, within_s: float) -> None:
    """Run the command line until it is killed for real, at any moment within `within_s` after its `epoch`-th epoch.

    The process ends itself, so that no busy machine lets it come to its end first. The epochs left, counted from its
    start, must take longer than `within_s`.
    """
    command = [sys.executable, "-c", DYING, str(epoch), str(within_s), *map(str, arguments)]
    died = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
