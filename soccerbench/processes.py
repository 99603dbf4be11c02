"""Processes: which one wrote something and whether it still runs, and workers that end with their parent.

Conventions
    machine  host and process namespace: only there a process number means anything
    started  a process's start in clock ticks since boot, which tells it from a later one of its number; 0 if unknown
"""

from __future__ import annotations

import os
import pickle
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from zlib import crc32

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess

CLEANUP_S = 0.5  # for a worker to remove what it has begun once its parent is gone
# A copy of a process cannot use its GPU, so that workers are copies of a server that uses none; macOS copies no torch.
METHOD = "forkserver" if sys.platform == "linux" else "spawn"


class Writer(NamedTuple):
    """A process that writes a file."""

    machine: str
    started: int
    pid: int

    @classmethod
    def this(cls) -> Writer:
        """The present process."""
        return cls(_machine(), _started(os.getpid()), os.getpid())

    @classmethod
    def parse(cls, text: str) -> Writer | None:
        """From `str(writer)`; None for other text."""
        machine, *numbers = text.split(".")
        if len(numbers) != 2 or not all(re.fullmatch(r"[0-9]{1,18}", number) for number in numbers):
            return None
        return cls(machine, *map(int, numbers))

    def __str__(self) -> str:
        return f"{self.machine}.{self.started}.{self.pid}"

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.machine == _machine()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; a process of another machine never is."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:  # another user's
            pass
        return bool(self.started) and _started(self.pid) != self.started


def preload(*modules: str) -> None:
    """Begin to import modules in the process that later workers are copied from, where the system has one."""
    from multiprocessing import forkserver

    if METHOD == "forkserver":
        forkserver.set_forkserver_preload(list(modules))
        with _sigint_blocked():
            forkserver.ensure_running()


def start_worker(work: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """Start `work(link, *arguments)` in another process; that process, and this end of the link to it.

    The worker ignores Ctrl-C, which this process handles. It ends on SIGTERM, and within a second of the end of this
    process, however that came.
    """
    import multiprocessing

    context = cast("SpawnContext | ForkContext | ForkServerContext", multiprocessing.get_context(METHOD))
    link, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, pickle.dumps((work, arguments))), daemon=True)
    with _sigint_blocked():
        process.start()
    theirs.close()
    return process, link


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Ctrl-C waits until the end; processes that are started meanwhile never see it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _work(link: Connection, pickled: bytes) -> None:
    """Unpickling imports torch, which takes seconds: the parent is watched from before."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that partly written files are removed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work, arguments = pickle.loads(pickled)  # noqa: S301 - from the process that started this one
    work(link, *arguments)


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(CLEANUP_S)
    os._exit(1)


def _machine() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{crc32(f'{platform.node()} {namespace}'.encode()):08x}"


def _started(pid: int) -> int:
    """A process's start, 0 where the system does not say; -1 for one that has ended."""
    if not Path("/proc/self/stat").exists():
        return 0
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return -1
    return -1 if state in b"ZX" else int(fields[18])
