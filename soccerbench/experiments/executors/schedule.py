"""Which task begins when: each after those that it depends on, and again after a loss."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from graphlib import TopologicalSorter

from soccerbench.experiments.executors.task import Ended, Executor, Step, Task
from soccerbench.progress import Progress

log = logging.getLogger(__name__)


def run_tasks(
    tasks: Sequence[Task], executor: Executor, *, progress: Callable[[str], Progress]
) -> Iterator[tuple[Task, Ended]]:
    """Run tasks; the executor is closed at the end, however that comes.

    Args:
        tasks: in the order in which they begin where several can.
        executor: where they run.
        progress: a task's title -> what its steps are reported to.

    Yields:
        Each task with its end, in any order that the dependencies allow.
    """
    known = {task.title: task for task in tasks}
    graph = TopologicalSorter({task.title: task.after & known.keys() for task in tasks})
    graph.prepare()
    begun: dict[str, Progress] = {}
    losses: Counter[str] = Counter()
    with closing(executor):
        while graph.is_active():
            executor.submit([known[title] for title in graph.get_ready()])
            for message in executor.messages():
                title = message.title
                if title not in begun:
                    begun[title] = progress(title)
                if isinstance(message, Step):
                    begun[title](message.stage, message.done, message.total)
                elif message.lost is not None and losses[title] < executor.retries:
                    losses[title] += 1
                    log.warning(
                        "%s: %s; it runs again (%d of %d)", title, message.lost, losses[title], executor.retries
                    )
                    executor.submit([known[title]])
                else:
                    graph.done(title)
                    yield known[title], message
