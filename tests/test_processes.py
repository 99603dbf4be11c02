"""Workers end with the process that started them, whatever they do at the time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interruption import wait_for

PARENT = """
import sys, time
from soccerbench.processes import start_worker
import work

if __name__ == "__main__":
    process, link = start_worker(getattr(work, sys.argv[1]), *([work.Slow()] if sys.argv[1] == "imports" else []))
    print(process.pid, flush=True)
    time.sleep(1000)
"""
PRELOADING = """
import sys
from soccerbench.processes import preload, start_worker
import work

if __name__ == "__main__":
    preload("wave")
    process, link = start_worker(work.serve)
    print("wave" in sys.modules, link.recv())
"""
WORK = """
import os, signal, time
from pathlib import Path

def begun():
    Path(__file__).with_name("begun").touch()

def computes(link):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as in a long operation, which no signal interrupts
    begun()
    time.sleep(1000)

def waits(link):
    begun()
    link.recv()

def cleans_up(link):
    try:
        begun()
        time.sleep(1000)  # not the link, whose end could begin the cleanup just before SIGTERM interrupts it
    finally:
        Path(__file__).with_name("cleaned").touch()

def imports(link, slow):
    raise AssertionError

def unpickled():
    begun()
    time.sleep(1000)

class Slow:
    def __reduce__(self):
        return unpickled, ()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["computes", "waits", "cleans_up", "imports"])
def test_a_worker_ends_with_its_parent(tmp_path: Path, kind: str, number: signal.Signals) -> None:
    (tmp_path / "main.py").write_text(PARENT)
    (tmp_path / "work.py").write_text(WORK)
    command = [sys.executable, str(tmp_path / "main.py"), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        try:
            assert parent.stdout is not None
            worker = int(parent.stdout.readline())
            wait_for((tmp_path / "begun").exists)
            os.kill(parent.pid, number)
            parent.wait()
            wait_for(lambda: not is_alive(worker))
        finally:
            parent.kill()
    assert (tmp_path / "cleaned").exists() == (kind == "cleans_up")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are fresh processes")
def test_a_worker_has_what_was_preloaded(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PRELOADING)
    (tmp_path / "work.py").write_text("import sys\n\ndef serve(link):\n    link.send('wave' in sys.modules)\n")
    done = subprocess.run([sys.executable, str(tmp_path / "main.py")], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
