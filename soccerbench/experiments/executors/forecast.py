"""How long a whole table or a whole extraction would take on N machines, from measured times.

Conventions
    measured  seconds of finished runs, or of the extraction's records; without any, the committed ones of one H100
    release   550 games: 1,100 halves of 2,750 s, one row a second
    loss      the end of a machine's task without a result, as by preemption; it comes at random, at a constant rate
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path

import orjson

from soccerbench.errors import InputError
from soccerbench.specs.shipped import shipped

HALVES, HALF_S = 1100, 2750
START_S = 20.0  # of a process with torch, before it computes
EPOCHS = 40  # that a lost training resumes from
GPU_RECORD = "benchmarks/nvidia-h100-80gb-hbm3-16-cores.json"


@dataclass(frozen=True)
class Cost:
    """What a task takes."""

    seconds: float  # of computing
    steps: int = 1  # equal parts of it, such as epochs, that are kept after a loss


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
    alone_s = sum(cost.seconds + START_S for cost in costs)
    found = []
    for count in counts:
        rng = random.Random(seed)  # noqa: S311 - a simulation
        now_s, lost = _simulate(costs, count, losses_per_hour / 3600, rng)
        hours = now_s / 3600
        found.append(Forecast(count, hours, alone_s / now_s, count * hours, lost))
    return found


def _simulate(costs: Sequence[Cost], machines: int, losses_per_s: float, rng: random.Random) -> tuple[float, int]:
    """The seconds until all tasks are done, and how often one was lost and began again from its last whole step."""
    waiting = deque((cost.seconds / cost.steps, cost.steps) for cost in costs)
    ends: list[tuple[float, int, float, int]] = []  # when, the how many-th, seconds a step, steps that are left then
    now_s, begun, lost = 0.0, 0, 0
    while waiting or ends:
        while waiting and len(ends) < machines:
            step_s, left = waiting.popleft()
            takes_s, begun = START_S + left * step_s, begun + 1
            loss_s = rng.expovariate(losses_per_s) if losses_per_s else takes_s
            if loss_s < takes_s:
                takes_s, left = loss_s, left - int(max(loss_s - START_S, 0) / step_s)
            else:
                left = 0
            heappush(ends, (now_s + takes_s, begun, step_s, left))
        now_s, _, step_s, left = heappop(ends)
        if left:
            lost += 1
            waiting.append((step_s, left))
    return now_s, lost


def experiment_costs(count: int, measured: Path | None) -> list[Cost]:
    """The costs of so many trainings: the measured ones, repeated."""
    if measured is None:
        seconds = [
            _recorded(f"test_gpu_speed.py::test_row[{head}]", "median_s") for head in ("netvlad++", "transformer")
        ]
    else:
        from soccerbench.experiments.results import read_runs

        seconds = [run.result.seconds for run in read_runs(measured)]
    return [Cost(seconds[number % len(seconds)], EPOCHS) for number in range(count)]


def extraction_costs(halves: int, half_s: float, measured: Path | None) -> list[Cost]:
    """The costs of so many halves, from the rate of all models together."""
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
