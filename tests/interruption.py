"""Ways to stop a run in this process, and to wait for something with a deadline."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from soccerbench.lease import only_writer

DEADLINE_S = 200  # for each wait; on a busy machine two processes that train need a minute


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


@contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A fresh process that is killed at the end, if it still runs then."""
    with subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    """Return when `condition()` is true.

    Raises:
        AssertionError: it was not true within `within_s` seconds.
    """
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {condition}"
        time.sleep(0.02)
