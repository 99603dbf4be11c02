"""Tables and progress on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from soccerbench.progress import Progress as StepProgress
from soccerbench.progress import silent
from soccerbench.report.table import Table

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

    from soccerbench.video.extraction.half import Outcome

BETWEEN_LINES_S = 30  # in a log
SPEED_PERIOD_S = 600
SHORT_S = 120
FIRST_S, LEAST_DONE = 60, 0.05  # before both, the time left would be a guess
MOST_TEXT = 24  # characters of a text column that need a place in a grid


def print_table(table: Table[Any], *, width: int | None = None) -> None:
    """Print a table and its notes to standard output.

    Args:
        table: a grid; several below each other, each with the first column, where one would be too wide.
        width: of the lines; that of the terminal, or 140 without one, if None.
    """
    console = Console(width=width or (None if os.isatty(1) else 140), highlight=False, emoji=False)
    console.print(Text(table.title, style="italic"))
    for places in _grids(table, console.width) if table.items else ():
        drawn = RichTable(header_style="bold")
        for place in places:
            number = table.numeric[place]
            title = Text(table.header[place])
            drawn.add_column(title, justify="right" if number else "left", no_wrap=number, overflow="fold")
        for line in table.lines:
            drawn.add_row(*(Text(line[place]) for place in places), style="bold red" if line[-1] == "drift" else "")
        console.print(drawn)
    for text in table.notes:
        whole = width is None and not (console.is_terminal and " " in text)  # a signature must stay one line
        console.print(Text(text), soft_wrap=whole)


def _grids(table: Table[Any], width: int) -> list[list[int]]:
    """Columns that fit side by side; long text may break, numbers may not."""
    widths = [
        min(max(map(len, cells)), MOST_TEXT if not number else width) + 3  # with padding and border
        for cells, number in zip(zip(table.header, *table.lines, strict=True), table.numeric, strict=True)
    ]
    grids, used = [[0]], widths[0] + 1
    for place, needed in enumerate(widths[1:], 1):
        if used + needed > width and len(grids[-1]) > 1:
            grids.append([0])
            used = widths[0] + 1
        grids[-1].append(place)
        used += needed
    return grids


class Steps:
    """The bar of one piece of work: the steps of its present stage."""

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


class Remaining:
    """The time that all experiments of a call still need, from the share of their work that this call has done.

    Args:
        weights: title -> work, in any unit; each has the same if not given.
    """

    def __init__(self, rows: int, weights: Mapping[str, float]) -> None:
        self._started_s, self._weights = time.monotonic(), weights
        self._left, self._done = sum(weights.values()) if weights else float(rows), 0.0
        self._running: dict[str, float] = {}  # title -> share of its training; predicting is short

    def step(self, title: str, stage: str, done: int, total: int) -> None:
        """Note a step of an experiment."""
        self._running[title] = done / max(total, 1) if stage.startswith("epoch") else 1.0

    def ended(self, title: str) -> None:
        """Note the end of an experiment; without a step it was finished before."""
        self._left -= self._of(title)
        self._done += self._of(title) if self._running.pop(title, None) is not None else 0.0

    def _of(self, title: str) -> float:
        return self._weights.get(title, 0.0) if self._weights else 1.0

    def __str__(self) -> str:
        running = sum(share * self._of(title) for title, share in self._running.items())
        done, passed_s = self._done + running, time.monotonic() - self._started_s
        left = max(self._left - running, 0.0)
        if not done or (done < LEAST_DONE * (done + left) and passed_s < FIRST_S):
            return "time left unknown"
        left_s = passed_s * left / done
        return f"about {left_s / 60:.0f} min left in all" if left_s >= SHORT_S else "under 2 min left in all"


class Bars:
    """Bars on standard error: the rows of a table, and below it one of every experiment that is running."""

    def __init__(self, progress: Progress, rows: int, weights: Mapping[str, float]) -> None:
        self._progress, self._remaining = progress, Remaining(rows, weights)
        self._rows: TaskID = progress.add_task("rows", total=rows)
        self._running: dict[str, Steps] = {}

    def of(self, title: str) -> StepProgress:
        """Begin an experiment."""
        self._running[title] = Steps(self._progress, title)
        return partial(self._step, title)

    def rows_done(self, title: str, done: int, total: int) -> None:
        """Note the end of an experiment, and the rows that are finished."""
        self._running.pop(title).vanish()
        self._remaining.ended(title)
        self._progress.update(self._rows, description=f"rows, {self._remaining}", completed=done, total=total)

    def _step(self, title: str, stage: str, done: int, total: int) -> None:
        self._running[title](stage, done, total)
        self._remaining.step(title, stage, done, total)
        self._progress.update(self._rows, description=f"rows, {self._remaining}")


class Lines:
    """The same for a log: a line at the end of every experiment, and now and then one about a running one."""

    def __init__(self, rows: int, weights: Mapping[str, float]) -> None:
        self._last_s, self._remaining = time.monotonic(), Remaining(rows, weights)
        self._running: set[str] = set()

    def of(self, title: str) -> StepProgress:
        """Begin an experiment."""
        return partial(self._step, title)

    def rows_done(self, title: str, done: int, total: int) -> None:
        """Note the end of an experiment; of one that was finished before, nothing."""
        self._remaining.ended(title)
        if title in self._running:
            self._running.remove(title)
            note(f"{title}: finished, {done} of {total}")

    def _step(self, title: str, stage: str, done: int, total: int) -> None:
        self._running.add(title)
        self._remaining.step(title, stage, done, total)
        now_s = time.monotonic()
        if now_s - self._last_s >= BETWEEN_LINES_S:
            self._last_s = now_s
            note(f"{title}: {stage}, {done / max(total, 1):.0%}; {self._remaining}")


@contextmanager
def bars(rows: int, weights: Mapping[str, float] | None = None) -> Iterator[Bars | Lines]:
    """Bars that vanish when all is done; lines where standard error is no terminal.

    Args:
        weights: title -> work of each, for the time left; equal if not given.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(rows, weights or {})
        return
    with _progress(console) as progress:
        yield Bars(progress, rows, weights or {})


@contextmanager
def bar(title: str, *, in_bytes: bool = False) -> Iterator[StepProgress]:
    """One bar on standard error over steps, or over bytes; nothing where standard error is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    with _progress(console, in_bytes=in_bytes) as progress:
        yield Steps(progress, title)


def _progress(console: Console, *, in_bytes: bool = False) -> Progress:
    from rich import progress as rich

    counts = (rich.DownloadColumn(), rich.TransferSpeedColumn()) if in_bytes else (rich.MofNCompleteColumn(),)
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), *counts, rich.TimeRemainingColumn())
    return rich.Progress(*columns, console=console, transient=True)


@contextmanager
def busy(title: str) -> Iterator[None]:
    """A moving line with the time since the start, for work without steps; nothing without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(title, total=None)
        yield


class VideoBar:
    """A bar over rows, one a second of video, with the time left; without a terminal a line a half."""

    def __init__(self, progress: Progress, rows: int, halves: int) -> None:
        self._progress, self._halves, self._done = progress, halves, 0
        self._task, self._rows_of = progress.add_task("extract", total=rows), dict[str, int]()

    def step(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002
        """Report the rows of one half that are done."""
        self._rows_of[stage] = done
        self._progress.update(self._task, completed=sum(self._rows_of.values()))

    def note(self, result: Outcome) -> None:
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
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    class Speed(ProgressColumn):
        """Seconds of video a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} × real time" if task.speed else "")

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), Speed(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, speed_estimate_period=SPEED_PERIOD_S
    ) as progress:
        yield VideoBar(progress, rows, halves)


def note(text: str) -> None:
    """One line for people on standard error, bold on a terminal."""
    Console(stderr=True, highlight=False).print(Text(text, style="bold"), soft_wrap=True)
