"""How long a whole table or a whole extraction would take on N machines, from measured times.

Conventions
    measured  seconds of finished runs, or of the extraction's records; without any, the committed ones of one H100
    release   550 games: 1,100 halves of 2,750 s, one row a second
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from soccerbench.errors import InputError
from soccerbench.experiments.executors.schedule import run_tasks
from soccerbench.experiments.executors.simulated import Cost, Simulated
from soccerbench.experiments.executors.task import Task
from soccerbench.progress import Progress, silent
from soccerbench.specs.shipped import shipped

HALVES, HALF_S = 1100, 2750
START_S = 20.0  # of a process with torch, before it computes
EPOCHS = 40  # that a lost training resumes from
GPU_RECORD = "benchmarks/nvidia-h100-80gb-hbm3-16-cores.json"


@dataclass(frozen=True)
class Forecast:
    """What N machines would need."""

    machines: int  # N
    hours: float  # until all is done
    speed_up: float  # over one machine that loses nothing
    machine_hours: float  # N times the hours
    lost: int  # tasks that were lost and resumed


def forecast(
    costs: Sequence[Cost], counts: Iterable[int], *, losses_per_hour: float = 0.0, seed: int = 0
) -> list[Forecast]:
    """Simulate independent tasks.

    Args:
        costs: one a task, in the order in which they begin.
    """
    by_title = {str(number): cost for number, cost in enumerate(costs)}
    alone_s = sum(cost.seconds + START_S for cost in costs)
    found = []
    for count in counts:
        rng = random.Random(seed)  # noqa: S311 - a simulation
        simulated = Simulated(count, by_title, START_S, losses_per_hour, rng)
        tasks = [Task(title, Path(), _nothing) for title in by_title]
        deque(run_tasks(tasks, simulated, progress=lambda _: silent, on_lost=len), maxlen=0)
        hours = simulated.now_s / 3600
        found.append(Forecast(count, hours, alone_s / simulated.now_s, count * hours, simulated.lost))
    return found


def experiment_costs(count: int, measured: Path | None) -> list[Cost]:
    """The costs of so many trainings: the measured ones, repeated.

    Raises:
        InputError: no finished run.
    """
    if measured is None:
        seconds = [
            _recorded(f"test_gpu_speed.py::test_row[{head}]", "median_s") for head in ("netvlad++", "transformer")
        ]
    else:
        from soccerbench.experiments.results import read_runs

        seconds = [run.result.seconds for run in read_runs(measured)]
    return [Cost(seconds[number % len(seconds)], EPOCHS) for number in range(count)]


def extraction_costs(halves: int, half_s: float, measured: Path | None) -> list[Cost]:
    """The costs of so many halves, from the rate of all models together.

    Raises:
        InputError: no record of an extraction.
    """
    rate = _recorded("test_extraction_speed.py::test_extraction", "rows_per_s") if measured is None else _rate(measured)
    return [Cost(half_s / rate)] * halves


def _rate(folder: Path) -> float:
    """Rows a second of the halves that were extracted into a folder."""
    rows, seconds = 0.0, 0.0
    for file in sorted(folder.rglob("[12]_extraction.json")):
        made = list(orjson.loads(file.read_bytes())["features"].values())
        rows += max((one["rows"] for one in made), default=0)
        seconds += sum({one["pass_s"] for one in made})  # models of one pass have one time
    if not seconds:
        raise InputError(folder, "no record of an extraction", "extract some halves into it first")
    return rows / seconds


def _recorded(benchmark: str, key: str) -> float:
    content = orjson.loads((shipped("results") / GPU_RECORD).read_bytes())
    return float(content["measured"][f"benchmarks/{benchmark}"][key])


def _nothing(progress: Progress) -> None:
    """Simulated work."""
