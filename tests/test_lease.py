"""One writer at a time, whatever happens to the others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from interruption import DEADLINE_S, wait_for

from soccerbench import lease
from soccerbench.errors import InputError
from soccerbench.lease import only_writer
from soccerbench.processes import Writer

HOLDER = """
import sys
from pathlib import Path
from soccerbench.lease import only_writer
with only_writer(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.read()
"""
COUNTERS = """
import os, signal, sys, time
from pathlib import Path
from soccerbench.lease import only_writer
folder, dies = Path(sys.argv[1]), sys.argv[2] == "dies"
for turn in range(10):
    with only_writer(folder):
        (folder / "inside").open("x").close()  # fails if anybody else is
        count = int((folder / "count").read_text())
        time.sleep(0.005)
        (folder / "count").write_text(str(count + 1))
        (folder / "inside").unlink()
        if dies and turn == 4:
            os.kill(os.getpid(), signal.SIGKILL)
"""
OTHER = Writer("00000000", 5, 7)


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease until its standard input is closed; ready once it printed a line."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"


@pytest.mark.parametrize("way", ["ends", "is killed"])
def test_the_second_waits_until_the_first_has_ended(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "runs" / "seed-0"
    with holder(folder) as first:
        held(first)
        assert [file.name for file in folder.parent.iterdir()] == [".seed-0.lease"]
        with holder(folder) as second:
            assert second.stderr is not None
            said = second.stderr.readline()
            assert said.startswith(f"{folder}: process {first.pid} on ")
            assert said.endswith("; waiting until it has ended\n")
            if way == "ends":
                assert first.stdin is not None
                first.stdin.close()
            else:
                first.kill()  # and nobody has asked for its exit code yet
            held(second)
            assert str(second.pid) in (folder.parent / ".seed-0.lease").read_text()


@pytest.mark.parametrize("stale", [False, True])
def test_several_processes_take_turns_though_some_are_killed(tmp_path: Path, stale: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "count").write_text("0")
    if stale:  # all of them find the lease of the same dead process
        dead = Writer.this()._replace(started=1)
        (tmp_path / ".folder.lease").write_text(f"{dead} host 00:00:00\n")
    kinds = ["lives", "dies", "lives", "dies"]
    running = [subprocess.Popen([sys.executable, "-c", COUNTERS, str(folder), kind], stderr=-1) for kind in kinds]
    said = [process.communicate(timeout=DEADLINE_S)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, -9, 0, -9], said
    assert (folder / "count").read_text() == "30"


def test_a_lease_of_another_machine_is_stale_after_three_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.05)
    file = tmp_path / ".out.lease"
    file.write_text(f"{OTHER} elsewhere 11:12:13\n")
    with only_writer(tmp_path / "out"):
        assert file.read_text().startswith(str(Writer.this()))
    assert "out: process 7 on elsewhere writes it since 11:12:13; waiting" in caplog.text
    assert not file.exists()


def test_a_lease_with_a_heartbeat_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "MISSED_HEARTBEATS", 10**9)
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.05)
    file, taken = tmp_path / ".out.lease", threading.Event()

    def take() -> None:
        with only_writer(tmp_path / "out"):
            taken.set()

    with only_writer(tmp_path / "out"):
        before = file.stat().st_mtime_ns
        wait_for(lambda: file.stat().st_mtime_ns > before)
    file.write_text(f"{OTHER} elsewhere 11:12:13\n")
    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    assert not taken.wait(0.5)
    file.unlink()
    assert taken.wait(DEADLINE_S)
    thread.join()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a.b.c", b"{}" * 10_000, b"d.1.99999999999999999999"])
def test_an_unreadable_lease_is_stale_after_three_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.02)
    (tmp_path / ".out.lease").write_bytes(content)
    with only_writer(tmp_path / "out"):
        pass


def test_a_lease_that_was_taken_away_is_left_to_its_new_holder(tmp_path: Path) -> None:
    with only_writer(tmp_path / "out"):
        (tmp_path / ".out.lease").write_text(f"{OTHER} elsewhere 11:12:13\n")
    assert (tmp_path / ".out.lease").exists()


def test_where_no_lease_can_be_written_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), only_writer(tmp_path / "file" / "out"):
        pass


def test_which_process(tmp_path: Path) -> None:
    this = Writer.this()
    assert Writer.parse(str(this)) == this
    assert this.is_here
    assert not this.is_dead
    assert this._replace(started=this.started - 1).is_dead == bool(this.started)
    assert not OTHER.is_dead
    assert Writer.parse("") is Writer.parse("a.1") is Writer.parse("a.1.x") is Writer.parse("a.1.-2") is None
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        wait_for(lambda: this._replace(pid=process.pid, started=0).is_dead or exited(process.pid))
    assert this._replace(pid=process.pid).is_dead


def exited(pid: int) -> bool:
    """A process that has ended, though nobody has asked for its exit code."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
