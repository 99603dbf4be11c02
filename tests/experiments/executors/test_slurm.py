"""Jobs of submitit, on its executor for one machine: a killed one, a failed one, and what they cost."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from interruption import started, wait_for
from small_runs import outcomes, planned, run_on

from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.executors.task import Task, run_tasks
from soccerbench.progress import Progress, silent

pytestmark = [
    pytest.mark.skipif(find_spec("submitit") is None, reason="needs the extra `slurm`: tox -e cluster"),
    pytest.mark.filterwarnings("ignore"),  # of submitit's own
]

DRIVER = """
import json, sys
from pathlib import Path
from small_runs import planned, run_on
from soccerbench.experiments.executors import slurm
from soccerbench.experiments.executors.machines import Machines
slurm.CLUSTER = "local"
run_on(planned(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3])), Machines("slurm"))
"""


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soccerbench.experiments.executors.slurm.CLUSTER", "local")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_lost_jobs_run_again_and_failed_ones_do_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def dies(progress: Progress) -> str:
        progress("games", 1, 2)
        if not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    def fails(progress: Progress) -> None:
        with (tmp_path / "tries").open("a") as file:
            file.write("x")
        raise ValueError("a bad row")

    executor = Machines("slurm").executor(tmp_path, jobs=1, device="cpu")
    tasks = [Task("dies", tmp_path, dies), Task("fails", tmp_path, fails)]
    with caplog.at_level(logging.WARNING):
        ended = {end.title: end for _, end in run_tasks(tasks, executor, progress=lambda _: silent)}
    assert ended["dies"].value == "done"
    assert "it runs again (1 of 3)" in caplog.text
    assert ended["fails"].problem == "a bad row"
    assert (tmp_path / "tries").read_text() == "x"
    assert list((tmp_path / ".slurm").glob("*.err"))


def test_a_killed_job_changes_no_bit(shared_tiny_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows: dict[str, Any] = {"rows": [1, 8], "table": "table2", "epochs": 60}
    expected, out, killed = tmp_path / "one", tmp_path / "slurm", []
    run_on(planned(shared_tiny_root, expected, **rows), Machines(jobs=1))

    def progress(title: str) -> Progress:
        def step(stage: str, done: int, total: int) -> None:
            for lease in out.rglob(".seed-*.lease") if not killed else ():
                if (lease.parent / lease.name[1:-6] / "checkpoint.pt").exists():
                    killed.append(int(lease.read_text().split()[0].rpartition(".")[2]))
                    os.kill(killed[0], signal.SIGKILL)
                    return

        return step

    with caplog.at_level(logging.WARNING):
        run_on(planned(shared_tiny_root, out, **rows), Machines("slurm", jobs=2), progress=progress)
    assert killed
    assert "it runs again (1 of 3)" in caplog.text
    assert outcomes(out) == outcomes(expected)


def test_jobs_of_a_killed_command_are_taken_over(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows: dict[str, Any] = {"rows": [8], "table": "table2", "epochs": 60, "seeds": (0, 1)}
    expected, out = tmp_path / "one", tmp_path / "slurm"
    run_on(planned(shared_tiny_root, expected, **rows), Machines(jobs=1))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with started([sys.executable, "-c", DRIVER, str(shared_tiny_root), str(out), json.dumps(rows)]) as first:
        wait_for(lambda: len(list(out.rglob("checkpoint.pt"))) == 2 or first.poll() is not None)
        first.kill()
    writers = {lease.read_text() for lease in out.rglob(".seed-*.lease")}
    assert len(writers) == 2
    monkeypatch.setattr("submitit.LocalJob.get_info", state_of_any)
    seen: list[str] = []

    def progress(title: str) -> Progress:
        def step(stage: str, done: int, total: int) -> None:
            seen.append(stage)

        return step

    with caplog.at_level(logging.WARNING):
        run_on(planned(shared_tiny_root, out, **rows), Machines("slurm"), progress=progress)
    assert caplog.text.count("of an earlier command still runs it") == 2
    assert len(list((out / ".slurm").glob("*_submitted.pkl"))) == 2
    assert seen
    assert outcomes(out) == outcomes(expected)
    assert not list(out.rglob(".tasks*"))


def state_of_any(job: Any, mode: str = "force") -> dict[str, str]:
    """The state of a local job, also of one that another process started; Slurm knows those by itself."""
    if job.paths.result_pickle.exists():
        return {"jobState": "FINISHED"}
    try:
        os.kill(int(job.job_id), 0)
    except ProcessLookupError:
        return {"jobState": "INTERRUPTED"}
    return {"jobState": "RUNNING"}


def test_part_of_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--gpus 0\.5: Slurm gives whole GPUs"):
        Machines("slurm", gpus=0.5).executor(tmp_path, jobs=1, device="cuda")


def test_without_slurm_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soccerbench.experiments.executors.slurm.CLUSTER", "slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="--on slurm: no `srun` here"):
        Machines("slurm").executor(tmp_path, jobs=1, device="cpu")
