"""Tables and progress on a terminal."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from soccerbench.progress import Progress as StepProgress
from soccerbench.progress import silent
from soccerbench.report.tables.paper import Grid

BETWEEN_LINES_S = 30  # in a log
_NUMBER = re.compile(r"[+\-]?\d[\d.,]*(?![^ ±])|-?$|N/A$|not run$")


def print_grid(table: Grid) -> None:
    """Print a table and its notes to standard output."""
    console = Console(width=None if os.isatty(1) else 140, highlight=False)
    drawn = Table(title=Text(table.title), title_justify="left", header_style="bold")
    for number, column in enumerate(table.header):
        is_numbers = all(_NUMBER.match(line[number]) for line in table.lines)
        drawn.add_column(Text(column), justify="right" if is_numbers else "left")
    for line in table.lines:
        drawn.add_row(*map(Text, line))
    console.print(drawn if table.lines else drawn.title)
    for note in table.notes:
        console.print(Text(note), soft_wrap=True)


class Steps:
    """The bar of one experiment: the steps of its present stage."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._task: TaskID | None = None
        self._kind = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note a step; another kind of stage begins a bar of its own, so that its time left is its own."""
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


def note(text: str) -> None:
    """One line for people on standard error, bold on a terminal."""
    Console(stderr=True, highlight=False).print(Text(text, style="bold"), soft_wrap=True)
