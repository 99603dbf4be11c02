"""One writer a folder: a lease file says which process writes it, and others wait.

Conventions
    lease      `.<name>.lease` next to the folder: created exclusively, removed at the end
    heartbeat  a new time of change of that file, every 10 s
    stale      its process was one of this machine and has ended, or, on another machine, three heartbeats did not come
               while we waited; a stale lease is taken over
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soccerbench.errors import not_written
from soccerbench.processes import Writer

HEARTBEAT_S = 10.0
MISSED_HEARTBEATS = 3
POLL_S = 0.1

log = logging.getLogger(__name__)


@contextmanager
def only_writer(of: Path, *, lease: Path | None = None) -> Iterator[None]:
    """Be the only process that writes `of`; while another one does, say so in a warning and wait.

    Args:
        of: what is written.
        lease: the lease file, if not next to `of`.

    Raises:
        InputError: the lease file cannot be written.
    """
    file = lease or of.with_name(f".{of.name}.lease")
    mine = f"{Writer.this()} {platform.node()} {time.strftime('%H:%M:%S')}\n".encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _wait_for(of, file, mine)
    except OSError as error:
        raise not_written(file, error) from None
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(file, ended), daemon=True, name="lease")
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        _remove(file, mine)


def _wait_for(of: Path, file: Path, mine: bytes) -> None:
    """Create the lease, after the one that is there has ended or is stale."""
    watched: tuple[bytes, int] | None = None
    since_s = time.monotonic()
    while not _created(file, mine):
        seen = _look(file)
        if seen is None:
            continue
        if watched is None:
            log.warning("%s: %s; waiting until it has ended", of, _said(seen[0]))
        if seen != watched:
            watched, since_s = seen, time.monotonic()
        holder = Writer.parse(seen[0].decode("utf-8", "replace").partition(" ")[0])
        missed = time.monotonic() - since_s > MISSED_HEARTBEATS * HEARTBEAT_S
        if missed if holder is None or not holder.is_here else holder.is_dead:
            _remove(file, seen[0])
        else:
            time.sleep(POLL_S)


def _created(file: Path, content: bytes) -> bool:
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        return False
    return True


def _look(file: Path) -> tuple[bytes, int] | None:
    """Content and time of change of a lease; opened for it, so that a network drive does not answer from its cache."""
    try:
        with file.open("rb") as stream:
            return stream.read(1000), os.fstat(stream.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _remove(file: Path, content: bytes) -> None:
    """Remove a lease that still has this content; under a lock, so that nobody removes the next one."""
    with suppress(OSError), file.open("rb") as stream:
        with suppress(OSError):  # a drive without locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        if file.read_bytes()[:1000] == content:
            file.unlink()


def _beat(file: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_S):
        with suppress(OSError):
            os.utime(file)


def _said(content: bytes) -> str:
    writer, _, place = content.decode("utf-8", "replace").strip().partition(" ")
    host, _, since = place.partition(" ")
    holder = Writer.parse(writer)
    if holder is None:
        return "another process writes it"
    return f"process {holder.pid} on {host[:64]} writes it since {since[:8]}"
