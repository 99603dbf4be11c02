"""Several experiments at once: the bits of one after the other, nothing trained twice, nobody left behind."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from forked import CommandLine, command_line
from interruption import wait_for
from small_runs import outcomes, planned, run_on

from soccerbench.experiments.executors.experiment_tasks import RunExperiment, in_order, tasks_of, waits
from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.executors.task import attempt
from soccerbench.experiments.experiment import Experiment
from soccerbench.experiments.table import Plan, default_jobs
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent


def run_jobs(made: Plan, jobs: int) -> list[tuple[str, int, int]]:
    return run_on(made, Machines(jobs=jobs))


def trained(out: Path) -> list[str]:
    """The folders whose log tells of an epoch."""
    return sorted(file.parent.parent.name for file in out.rglob("log.txt") if "epoch 1:" in file.read_text())


def test_what_waits_for_what(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = in_order(planned(shared_tiny_root, tmp_path, [8, 5, 6, 9, 31], seeds=(0, 1)).experiments)
    seed_0 = [f"{one.row.table} {one.row.row}" for one in made if one.seed == 0]
    assert seed_0 == ["table2 8", "table3 9", "table3 8", "table3 5", "table3 6", "table3 31"]
    names = {one.folder: f"{one.row.table} {one.row.row} {one.seed}" for one in made}
    found = {names[folder]: {names[other] for other in others} for folder, others in waits(made).items()}
    assert found["table3 8 1"] == {"table2 8 1", "table3 9 1"}
    assert found["table3 5 1"] == found["table3 6 1"] == {"table3 8 1"}
    assert found["table2 8 0"] == found["table3 9 0"] == found["table3 31 0"] == set()


@pytest.mark.fresh_workers
def test_two_jobs_give_the_bits_of_one_and_train_each_head_once(shared_tiny_root: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    rows = (5, 6, 8, 31)
    run_jobs(planned(shared_tiny_root, one, rows), 1)
    ended = run_jobs(planned(shared_tiny_root, two, rows), 2)
    assert outcomes(two) == outcomes(one)
    assert trained(two) == trained(one) == ["row-05", "row-08", "row-09"]  # table2 row 8, not that of table3
    assert sorted(title for title, _, _ in ended) == sorted(
        ["table2 row 8, seed 0", *(f"table3 row {row}, seed 0" for row in (5, 6, 8, 9, 31))]
    )
    assert [total for _, _, total in ended] == [4] * 6
    assert ended[-1][1] == 4
    before = {file: file.stat().st_mtime_ns for file in two.rglob("*") if file.is_file()}
    assert run_jobs(planned(shared_tiny_root, two, rows), 2)[-1][1:] == (4, 4)
    assert {file: file.stat().st_mtime_ns for file in two.rglob("*") if file.is_file()} == before


def test_a_failure_is_the_one_line_of_one_after_the_other(tiny_root: Path, tmp_path: Path) -> None:
    made = planned(tiny_root, tmp_path, [4, 5])
    game = Dataset(tiny_root).games["train"][0]
    os.truncate(tiny_root / game / "2_baidu_soccer_embeddings.npy", 4000)
    with pytest.raises(ValueError, match=r"2_baidu_soccer_embeddings\.npy") as found:
        run_jobs(made, 2)
    assert "\n" not in str(found.value)
    assert "Traceback" in str(found.value.__cause__)


def training(tmp_path: Path, root: Path) -> AbstractContextManager[CommandLine]:
    """Two rows that end only when they are stopped."""
    options = ("--rows", "4,5", "--set", "max_epochs=100000", "--jobs", "2")
    return command_line("reproduce", "table3", *options, "--data", root, "--out", tmp_path)


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def problems(stderr: str) -> list[str]:
    """The lines of standard error without those about progress, which a log gets every 30 s."""
    return [line for line in stderr.splitlines() if not line.startswith("table3 row ")]


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["keyboard", "kill"])
def test_stopped_it_leaves_nobody_behind(shared_tiny_root: Path, tmp_path: Path, number: signal.Signals) -> None:
    with training(tmp_path, shared_tiny_root) as running:
        folders = [tmp_path / "tiny" / "table3" / f"row-{row:02d}" / "seed-0" for row in (4, 5)]
        wait_for(lambda: all((folder / "history.csv").exists() for folder in folders) or running.returncode is not None)
        left = children(running.pid)
        assert len(left) >= 2
        running.send_signal(number)
        _, said = running.communicate()
        wait_for(lambda: not any(map(alive, left)))
    if number == signal.SIGINT:
        assert running.returncode == 130
        (line,) = problems(said)
        assert "the same command" in line
        assert not list(tmp_path.rglob("*.part"))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_worker_that_is_killed(shared_tiny_root: Path, tmp_path: Path) -> None:
    with training(tmp_path, shared_tiny_root) as running:
        history = tmp_path / "tiny" / "table3" / "row-04" / "seed-0" / "history.csv"
        wait_for(lambda: history.exists() or running.returncode is not None)
        log = history.with_name("log.txt")
        holds = [child for child in children(running.pid) if log in opened(child)]
        os.kill(holds[0], signal.SIGKILL)
        _, said = running.communicate()
    assert running.returncode == 2
    (line,) = problems(said)
    assert "row-04/seed-0: its process ended with code -9" in line


def opened(process: int) -> set[Path]:
    return {link.resolve() for link in Path(f"/proc/{process}/fd").iterdir()}


@pytest.mark.parity
def test_a_full_disk_is_one_line_and_the_same_call_resumes(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, out = tmp_path / "one", tmp_path / "full"
    run_on(planned(shared_tiny_root, expected, [4]), Machines(jobs=1))
    for writes in (0, 2, 4):
        made, left = planned(shared_tiny_root, out, [4]), iter(range(writes))
        work = partial(RunExperiment, device="cpu", force=False, curves=None, threads=1)
        (task,) = tasks_of(made.experiments, work)

        def fsync(_: int, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            ended = attempt(task, silent)
        assert ended.problem is not None
        assert "cannot be written (No space left on device); free some space" in ended.problem
        assert "\n" not in ended.problem
        assert str(made.experiments[0].folder) in ended.problem
    run_on(planned(shared_tiny_root, out, [4]), Machines(jobs=1))
    assert outcomes(out) == outcomes(expected)
    assert not list(out.rglob(".*"))


def test_how_many_at_once(shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(shared_tiny_root, tmp_path, [4, 31])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert default_jobs(made, "cpu") == cores
    with monkeypatch.context() as patched:
        patched.setattr(Experiment, "is_narrow", property(lambda self: self.row.row == 31))
        assert default_jobs(made, "cpu") == 1
    with monkeypatch.context() as patched:
        patched.setattr("soccerbench.experiments.table.uses_gpu", lambda _: True)
        assert default_jobs(made, "auto") == 1
    with pytest.raises(ValueError, match="unknown device"):
        default_jobs(made, "tpu")
