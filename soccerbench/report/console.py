"""Tables and progress on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from soccerbench.progress import Progress as StepProgress
from soccerbench.progress import silent
from soccerbench.report.table import Table
from soccerbench.report.tables.checks import HalfResult

BETWEEN_LINES_S = 30  # in a log
SPEED_PERIOD_S = 600


def print_table(table: Table[Any]) -> None:
    """Print a table and its notes to standard output."""
    console = Console(width=None if os.isatty(1) else 140, highlight=False)
    drawn = RichTable(title=Text(table.title), title_justify="left", header_style="bold")
    for title, number in zip(table.header, table.numeric, strict=True):
        drawn.add_column(Text(title), justify="right" if number else "left")
    for line in table.lines:
        drawn.add_row(*map(Text, line))
    console.print(drawn if table.items else drawn.title)
    for text in table.notes:
        console.print(Text(text), soft_wrap=True)


class Steps:
    """The bar of one experiment: the steps of its present stage."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._task: TaskID | None = None
        self._kind = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note a step; another kind of stage starts a new bar, whose time left is that of the stage."""
        kind = stage.split()[0]
        if self._task is None or kind != self._kind:
            self.vanish()
            self._task, self._kind = self._progress.add_task("", total=total), kind
        self._progress.update(self._task, description=f"{self._title}: {stage}", completed=done, total=total)

    def vanish(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = None


class Bars:
    """Bars on standard error: the rows of a table, and below it one of every experiment that is running."""

    def __init__(self, progress: Progress, rows: int) -> None:
        self._progress = progress
        self._rows: TaskID = progress.add_task("rows", total=rows)
        self._running: dict[str, Steps] = {}

    def of(self, title: str) -> Steps:
        """Begin an experiment."""
        self._running[title] = Steps(self._progress, title)
        return self._running[title]

    def rows_done(self, title: str, done: int, total: int) -> None:
        """Note the end of an experiment, and the rows that are finished."""
        self._running.pop(title).vanish()
        self._progress.update(self._rows, completed=done, total=total)


class Lines:
    """The same for a log: a line at the end of every experiment, and now and then one about a running one."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()
        self._running: set[str] = set()

    def of(self, title: str) -> StepProgress:
        """Begin an experiment."""
        return partial(self._step, title)

    def rows_done(self, title: str, done: int, total: int) -> None:
        """Note the end of an experiment; of one that was finished before, nothing."""
        if title in self._running:
            self._running.remove(title)
            note(f"{title}: finished, {done} of {total}")

    def _step(self, title: str, stage: str, done: int, total: int) -> None:
        self._running.add(title)
        now_s = time.monotonic()
        if now_s - self._said_s >= BETWEEN_LINES_S:
            self._said_s = now_s
            note(f"{title}: {stage}, {done / max(total, 1):.0%}")


@contextmanager
def bars(rows: int) -> Iterator[Bars | Lines]:
    """Bars that vanish when all is done; lines where standard error is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bars(progress, rows)


@contextmanager
def bar(title: str, *, in_bytes: bool = False) -> Iterator[StepProgress]:
    """One bar on standard error over steps, or over bytes; nothing where standard error is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    counts = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        steps = progress.add_task(title, total=None)
        yield lambda stage, done, total: progress.update(
            steps, description=f"{title}: {stage}", completed=done, total=total
        )


class _Speed(ProgressColumn):
    """Seconds of video a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} × real time" if task.speed else "")


class VideoBar:
    """A bar over rows, one a second of video, with the time left; without a terminal a line a half."""

    def __init__(self, progress: Progress, rows: int, halves: int) -> None:
        self._progress, self._halves, self._done = progress, halves, 0
        self._task, self._rows_of = progress.add_task("extract", total=rows), dict[str, int]()

    def step(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002
        """Report the rows of one half that are done."""
        self._rows_of[stage] = done
        self._progress.update(self._task, completed=sum(self._rows_of.values()))

    def note(self, result: HalfResult) -> None:
        """Report the outcome of a half."""
        self._done += 1
        self._progress.update(self._task, description=f"half {self._done}/{self._halves}")
        if result.text or self._progress.disable:
            text = result.text or f"{result.game}, half {result.half}: {result.state}"
            self._progress.console.print(Text(f"[{self._done}/{self._halves}] {text}{self._left()}"), soft_wrap=True)

    def _left(self) -> str:
        left = self._progress.tasks[0].time_remaining
        return "" if left is None or self._done == self._halves else f" (about {left / 60:.0f} min left)"


@contextmanager
def video_bar(rows: int, halves: int) -> Iterator[VideoBar]:
    """A bar on standard error."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), _Speed(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        speed_estimate_period=SPEED_PERIOD_S,
    ) as progress:
        yield VideoBar(progress, rows, halves)


def note(text: str) -> None:
    """One line for people on standard error, bold on a terminal."""
    Console(stderr=True, highlight=False).print(Text(text, style="bold"), soft_wrap=True)
