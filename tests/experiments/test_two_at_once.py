"""Two calls that run the same: the second waits, trains nothing twice, and takes over from a first that is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from forked import command_line, stopped_before_rename
from interruption import wait_for

from soccerbench.experiments.results import read_runs


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGKILL])
def test_the_second_call_waits_for_the_first(shared_tiny_root: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["reproduce", "table3", "--rows", "4", "--set", "max_epochs=1", "--set", "batch_size=16"]
    arguments += ["--data", str(shared_tiny_root), "--out", str(tmp_path), "--device", "cpu"]
    folder = tmp_path / "tiny" / "table3" / "row-04" / "seed-0"
    with stopped_before_rename(arguments, file="result.json") as first, command_line(*arguments) as second:
        wait_for(lambda: "waiting" in second.stderr or second.returncode is not None)
        assert any(line.startswith(f"{folder}: process {first.pid} on ") for line in second.stderr.splitlines())
        first.send_signal(number)
        shown, said = second.communicate()
        first.communicate()
    assert (first.returncode, second.returncode) == (0 if number == signal.SIGCONT else -9, 0), said
    assert "table3" in shown.lower() or "Replay" in shown
    assert (folder / "log.txt").read_text().count("epoch 1:") == 1
    assert len(read_runs(tmp_path)) == 1
    assert not list(tmp_path.rglob(".*"))
