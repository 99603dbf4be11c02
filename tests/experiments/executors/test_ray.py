"""A real Ray cluster of three nodes on this machine: what happens when something dies, is slow or is full."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from interruption import started, wait_for
from small_runs import outcomes, planned, run_on

from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.executors.task import Ended, Task, run_tasks
from soccerbench.progress import Progress, silent

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`: tox -e cluster"),
    pytest.mark.filterwarnings("ignore"),  # of Ray's own
    pytest.mark.timeout(900),
]
STORE_BYTES = 80 * 2**20


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head and two other nodes, with one core each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE_BYTES})
    for _ in range(2):
        made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def remove_node_of(cluster: Any, process: int) -> None:
    """Remove the node that a process runs on, without grace; not the head."""
    raylet = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    for node in cluster.worker_nodes:
        if any(info.process.pid == raylet for info in node.all_processes["raylet"]):
            cluster.remove_node(node, allow_graceful=False)
            return
    raise LookupError(process)


def writer_of(lease: Path) -> int:
    return int(lease.read_text().split()[0].rpartition(".")[2])


def run_all(cluster: Any, out: Path, works: dict[str, Callable[[Progress], object]]) -> dict[str, Ended]:
    executor = Machines(f"ray:{cluster.address}").executor(out, jobs=1, device="cpu")
    tasks = [Task(title, out / title, work) for title, work in works.items()]
    return {end.title: end for _, end in run_tasks(tasks, executor, progress=lambda _: silent)}


def test_a_node_that_is_gone_changes_no_bit(
    cluster: Any, shared_tiny_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows: dict[str, Any] = {"rows": [1, 8], "table": "table2", "epochs": 60, "seeds": (0, 1)}
    expected = tmp_path / "one"
    run_on(planned(shared_tiny_root, expected, **rows), Machines(jobs=1))
    out, removed = tmp_path / "ray", []

    def progress(title: str) -> Progress:
        def step(stage: str, done: int, total: int) -> None:
            for lease in out.rglob(".seed-*.lease") if stage.startswith("epoch") and not removed else ():
                if (lease.parent / lease.name[1:-6] / "checkpoint.pt").exists():
                    try:
                        remove_node_of(cluster, writer_of(lease))
                    except LookupError:  # on the head
                        continue
                    removed.append(lease)
                    return

        return step

    with caplog.at_level(logging.WARNING):
        ended = run_on(planned(shared_tiny_root, out, **rows), Machines(f"ray:{cluster.address}"), progress=progress)
    assert removed
    assert "it runs again (1 of 3)" in caplog.text
    assert ended[-1][1:] == (4, 4)
    assert outcomes(out) == outcomes(expected)
    assert not list(out.rglob(".tasks*"))


def driver(root: Path, out: Path, place: str) -> list[str]:
    command = [sys.executable, "-c", "from soccerbench.cli import main; main()", "reproduce", "table2", "--rows", "8"]
    command += ["--seeds", "0-1", "--set", "max_epochs=60", "--set", "batch_size=16", "--data", str(root)]
    return [*command, "--out", str(out), "--on", place, "--device", "cpu"]


def test_without_the_head_the_command_says_so_and_resumes(cluster: Any, shared_tiny_root: Path, tmp_path: Path) -> None:
    expected, out = tmp_path / "one", tmp_path / "ray"
    run_on(planned(shared_tiny_root, expected, [8], table="table2", epochs=60, seeds=(0, 1)), Machines(jobs=1))
    with started(driver(shared_tiny_root, out, f"ray:{cluster.address}")) as command:
        wait_for(lambda: list(out.rglob("checkpoint.pt")) or command.poll() is not None)
        working = {writer_of(lease) for lease in out.rglob(".seed-*.lease")}
        for process in working:  # else the tasks may end before the head is missed
            os.kill(process, signal.SIGSTOP)
        for kind in ("gcs_server", "raylet"):
            os.kill(cluster.head_node.all_processes[kind][0].process.pid, signal.SIGKILL)
        _, messages = command.communicate()
    for process in working:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
    assert command.returncode == 2, messages
    assert "the head of the Ray cluster is gone" in messages.splitlines()[-1]
    cluster.shutdown()
    with started(driver(shared_tiny_root, out, "ray")) as again:  # a new cluster
        _, messages = again.communicate()
    assert again.returncode == 0, messages
    assert outcomes(expected).items() <= outcomes(out).items()
    assert not list(out.rglob("*.lease"))


def test_a_driver_that_is_killed_and_a_second_one(cluster: Any, shared_tiny_root: Path, tmp_path: Path) -> None:
    rows: dict[str, Any] = {"rows": [8], "table": "table2", "epochs": 60, "seeds": (0, 1)}
    expected, out = tmp_path / "one", tmp_path / "ray"
    run_on(planned(shared_tiny_root, expected, **rows), Machines(jobs=1))
    place = f"ray:{cluster.address}"
    command = driver(shared_tiny_root, out, place)
    with started(command) as first, started(command) as second:
        wait_for(lambda: list(out.rglob("checkpoint.pt")) or first.poll() is not None)
        first.kill()
        _, messages = second.communicate()
        assert second.returncode == 0, messages
    assert outcomes(expected).items() <= outcomes(out).items()
    before = {file: file.stat().st_mtime_ns for file in out.rglob("result.json")}
    assert run_on(planned(shared_tiny_root, out, **rows), Machines(place))[-1][1:] == (2, 2)
    assert {file: file.stat().st_mtime_ns for file in out.rglob("result.json")} == before


def test_lost_work_runs_again_and_failed_work_does_not(cluster: Any, tmp_path: Path) -> None:
    def dies(times: int) -> Callable[[Progress], object]:
        def work(progress: Progress) -> int:
            tries = tmp_path / f"{times}.tries"
            count = len(tries.read_text()) if tries.exists() else 0
            tries.write_text("x" * (count + 1))
            if count < times:
                os.kill(os.getpid(), signal.SIGKILL)
            return count + 1

        return work

    def fails(progress: Progress) -> None:
        with (tmp_path / "fails.tries").open("a") as file:
            file.write("x")
        raise ValueError("a bad row")

    ended = run_all(cluster, tmp_path, {"twice": dies(2), "always": dies(9), "fails": fails})
    assert ended["twice"].value == 3
    assert ended["always"].lost == "Ray lost it (WorkerCrashedError)"
    assert len((tmp_path / "9.tries").read_text()) == 4
    assert ended["fails"].problem == "a bad row"
    assert (tmp_path / "fails.tries").read_text() == "x"


def test_a_full_object_store_and_a_slow_node(cluster: Any, tmp_path: Path) -> None:
    import numpy as np
    import ray

    def slow(progress: Progress) -> int:
        with (tmp_path / "slow.tries").open("a") as file:
            file.write("x")
        if os.fork() == 0:  # lets this process, which is stopped, continue
            time.sleep(5)
            os.kill(os.getppid(), signal.SIGCONT)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGSTOP)
        return os.getpid()

    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        held = [ray.put(np.zeros(2**23, np.uint8)) for _ in range(STORE_BYTES // 2**23)]
        ended = run_all(cluster, tmp_path, {"slow": slow, **{str(number): lambda _: 1 for number in range(4)}})
        assert len(held) == 10
    finally:
        ray.shutdown()
    assert ended["slow"].value > 0
    assert (tmp_path / "slow.tries").read_text() == "x"
    assert [ended[str(number)].value for number in range(4)] == [1] * 4


def test_no_cluster_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=r"no Ray cluster at 127\.0\.0\.1:1 ") as found:
        Machines("ray:127.0.0.1:1").executor(tmp_path, jobs=1, device="cpu")
    assert "\n" not in str(found.value)
