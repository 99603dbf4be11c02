"""What it costs to start tasks: 200 of them that sleep 0.2 s, on 8 workers, beside the 5 s that they must take.

pytest benchmarks/test_scheduling_speed.py --record

The time is from the end of the tasks that start the workers, on which all others depend. Ray is measured where it is
installed.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.executors.task import Executor, Task, run_tasks
from soccerbench.progress import silent

TASKS, SLEEP_S, WORKERS = 200, 0.2, 8
IDEAL_S = TASKS * SLEEP_S / WORKERS
WORK = f"import time\n\ndef work(progress):\n    time.sleep({SLEEP_S})\n"


@pytest.mark.parametrize("on", ["local", "ray"])
def test_scheduling(benchmark: Any, on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeping.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    from sleeping import work  # type: ignore[import-not-found]

    first = [Task(f"start {number}", tmp_path, work) for number in range(WORKERS)]
    after = frozenset(task.title for task in first)
    tasks = [*first, *(Task(str(number), tmp_path, work, after) for number in range(TASKS))]
    if on == "ray":
        if find_spec("ray") is None:
            pytest.skip("needs the extra `ray`")
        import ray

        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)

    def all_of_them(executor: Executor) -> float:
        ends = [time.monotonic() for _ in run_tasks(tasks, executor, progress=lambda _: silent)]
        return ends[-1] - ends[WORKERS - 1]

    executor = Machines(on, jobs=WORKERS if on == "local" else None).executor(tmp_path, jobs=WORKERS, device="cpu")
    try:
        took_s = benchmark.pedantic(all_of_them, (executor,), rounds=1)
    finally:
        if on == "ray":
            ray.shutdown()
    benchmark.extra_info |= {
        "tasks": TASKS, "workers": WORKERS, "took_s": took_s, "ideal_s": IDEAL_S, "ratio": took_s / IDEAL_S
    }  # fmt: skip
    assert took_s < 1.2 * IDEAL_S
