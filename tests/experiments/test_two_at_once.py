"""Two calls that run the same: the second waits, trains nothing twice, and takes over from a first that is killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from interruption import DEADLINE_S, started, stopped_before_rename

from soccerbench.experiments.results import read_runs


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGKILL])
def test_the_second_call_waits_for_the_first(shared_tiny_root: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["reproduce", "table3", "--rows", "4", "--set", "max_epochs=1", "--set", "batch_size=16"]
    arguments += ["--data", str(shared_tiny_root), "--out", str(tmp_path), "--device", "cpu"]
    command = [sys.executable, "-c", "from soccerbench.cli import main; main()", *arguments]
    folder = tmp_path / "tiny" / "table3" / "row-04" / "seed-0"
    with stopped_before_rename(arguments, file="result.json") as first, started(command) as second:
        assert second.stderr is not None
        said = next(line for line in second.stderr if "waiting" in line)
        assert said.startswith(f"{folder}: process {first.pid} on ")
        first.send_signal(number)
        shown, said = second.communicate(timeout=DEADLINE_S)
        first.communicate(timeout=DEADLINE_S)
    assert (first.returncode, second.returncode) == (0 if number == signal.SIGCONT else -9, 0), said
    assert "table3" in shown.lower() or "Replay" in shown
    assert (folder / "log.txt").read_text().count("epoch 1:") == 1
    assert len(read_runs(tmp_path)) == 1
    assert not list(tmp_path.rglob(".*"))
