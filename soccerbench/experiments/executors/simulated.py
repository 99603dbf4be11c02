"""Tasks on machines that exist as numbers, with a clock that only events move: how long would it take?

Conventions
    loss    the end of a machine's task without a result, as by preemption; it comes at random, at a constant rate
    kept    what a lost task had finished in whole steps, such as epochs; it resumes there
    start   seconds before a task computes: its process, libraries, models
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from soccerbench.experiments.executors.task import Ended, Step, Task


@dataclass(frozen=True)
class Cost:
    """What a task takes."""

    seconds: float  # of computing
    steps: int = 1  # equal parts of it that are kept after a loss


@dataclass
class Simulated:
    """An `Executor` that computes nothing.

    Args:
        rng: draws them.
    """

    workers: int  # machines
    costs: Mapping[str, Cost]  # by the tasks' titles
    start_s: float = 0.0  # before each attempt
    losses_per_hour: float = 0.0  # of each machine
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - a simulation
    retries: int = 10**6  # of a lost task
    now_s: float = 0.0
    lost: int = 0
    _waiting: deque[Task] = field(default_factory=deque)
    _ends: list[tuple[float, int, Ended]] = field(default_factory=list)
    _left: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks; those for which there is a machine begin."""
        self._waiting.extend(tasks)
        while self._waiting and len(self._ends) < self.workers:
            self._begin(self._waiting.popleft().title)

    def messages(self) -> list[Step | Ended]:
        """Move the clock to the next end."""
        self.now_s, _, ended = heapq.heappop(self._ends)
        self.submit([])
        return [ended]

    def close(self) -> None:
        """Nothing runs."""

    def _begin(self, title: str) -> None:
        cost = self.costs[title]
        left = self._left.get(title, cost.steps)
        step_s = cost.seconds / cost.steps
        takes_s = self.start_s + left * step_s
        rate = self.losses_per_hour / 3600
        loss_s = self.rng.expovariate(rate) if rate else takes_s
        ended = Ended(title)
        if loss_s < takes_s:
            done = int(max(loss_s - self.start_s, 0) / step_s)
            self._left[title], takes_s, ended = left - done, loss_s, Ended(title, lost="its machine is gone")
            self.lost += 1
        self._count += 1
        heapq.heappush(self._ends, (self.now_s + takes_s, self._count, ended))
