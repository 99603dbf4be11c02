"""Which task begins when, and what is tried again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.experiments.executors import experiment_tasks
from soccerbench.experiments.executors.task import Ended, Step, Task, attempt, run_tasks
from soccerbench.progress import Progress, silent


class Fake:
    """Runs each task in `messages`; those in `lose` are lost so many times first."""

    def __init__(self, lose: dict[str, int] | None = None, retries: int = 3) -> None:
        self.retries, self.lose, self.closed = retries, lose or {}, False
        self.queue: list[Task] = []
        self.begun: list[list[str]] = []

    def submit(self, tasks: Sequence[Task]) -> None:
        self.queue += tasks

    def messages(self) -> list[Step | Ended]:
        self.begun.append([task.title for task in self.queue])
        found: list[Step | Ended] = []
        for task in self.queue:
            if self.lose.get(task.title, 0):
                self.lose[task.title] -= 1
                found.append(Ended(task.title, lost="its node is gone"))
            else:
                found.append(attempt(task, lambda *step, title=task.title: found.append(Step(title, *step))))
        self.queue = []
        return found

    def close(self) -> None:
        self.closed = True


def task(title: str, *after: str, fails: Exception | None = None) -> Task:
    def work(progress: Progress) -> str:
        progress("epoch 1/1", 1, 1)
        if fails is not None:
            raise fails
        return title.upper()

    return Task(title, Path(title), work, frozenset(after))


def test_each_begins_after_those_that_it_depends_on() -> None:
    executor, seen = Fake(), []
    tasks = [task("c", "b", "a"), task("b", "a"), task("a"), task("d", "of an earlier call")]
    ended = list(run_tasks(tasks, executor, progress=lambda title: lambda *step: seen.append((title, *step))))
    assert executor.begun == [["a", "d"], ["b"], ["c"]]
    assert [end.value for _, end in ended] == ["A", "D", "B", "C"]
    assert seen[0] == ("a", "epoch 1/1", 1, 1)
    assert executor.closed


def test_work_begins_with_the_copy_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    class Fake:
        def run(self, **options: object) -> None:
            calls.append(options["device"])

    monkeypatch.setattr(experiment_tasks, "staged", lambda *place: calls.append(place))
    stage = ("s3://bucket/tiny", Path("/fast"))
    experiment_tasks.RunExperiment(Fake(), "cpu", False, None, 1, stage)(silent)  # type: ignore[arg-type]
    assert calls == [("s3://bucket/tiny", Path("/fast")), "cpu"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        list(run_tasks([task("a", "b"), task("b", "a")], Fake(), progress=lambda _: silent))


@pytest.mark.parametrize(("times", "retries", "lost"), [(3, 3, False), (4, 3, True), (1, 0, True)])
def test_a_lost_task_runs_again(times: int, retries: int, lost: bool, caplog: pytest.LogCaptureFixture) -> None:
    executor = Fake({"a": times}, retries)
    with caplog.at_level(logging.WARNING):
        (_, end), *others = run_tasks([task("a"), task("b", "a")], executor, progress=lambda _: silent)
        assert len(others) == 1
    assert (end.lost == "its node is gone") == lost
    assert [record.getMessage() for record in caplog.records] == [
        f"a: its node is gone; it runs again ({number} of 3)" for number in range(1, min(times, retries) + 1)
    ]
    if lost:
        with pytest.raises(InputError, match="a: its node is gone; the same command resumes it"):
            end.raise_failure(task("a"))


@pytest.mark.parametrize(
    ("error", "raised"),
    [(ValueError("bad row"), ValueError), (OSError(5, "odd"), ValueError), (KeyError(1), RuntimeError)],
)
def test_what_the_work_raises_is_not_tried_again(error: Exception, raised: type[Exception]) -> None:
    executor = Fake()
    ((failed, end),) = run_tasks([task("a", fails=error)], executor, progress=lambda _: silent)
    assert executor.begun == [["a"]]
    with pytest.raises(raised) as found:
        end.raise_failure(failed)
    assert "\n" not in str(found.value)
    assert "Traceback" in str(found.value.__cause__)
