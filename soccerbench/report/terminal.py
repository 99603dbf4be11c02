"""Tables and progress on a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from soccerbench.report.table import Grid

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


class Bars:
    """Two bars on standard error: the rows of a table, and the steps of the present one."""

    def __init__(self, progress: Progress, rows: int) -> None:
        self._progress = progress
        self._rows: TaskID = progress.add_task("rows", total=rows)
        self._steps: TaskID | None = None
        self._stage = ""

    def of(self, title: str) -> Bars:
        """Begin an experiment."""
        self._title = title
        return self

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note a step; another kind of stage begins a bar of its own, so that its time left is its own."""
        kind = stage.split()[0]
        if self._steps is None or kind != self._stage:
            if self._steps is not None:
                self._progress.remove_task(self._steps)
            self._steps, self._stage = self._progress.add_task("", total=total), kind
        self._progress.update(self._steps, description=f"{self._title}: {stage}", completed=done, total=total)

    def rows_done(self, done: int, total: int) -> None:
        """Note a finished row."""
        self._progress.update(self._rows, completed=done, total=total)


@contextmanager
def bars(rows: int) -> Iterator[Bars]:
    """Bars that vanish when all is done; nothing at all where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bars(progress, rows)


def note(text: str) -> None:
    """One line for people on standard error, bold on a terminal."""
    Console(stderr=True, highlight=False).print(Text(text, style="bold"), soft_wrap=True)
