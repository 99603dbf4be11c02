"""How an extraction goes, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from soccerbench.report.tables.paper import Grid

SPEED_PERIOD_S = 600


class Result(Protocol):
    """What became of one half."""

    @property
    def game(self) -> str:
        """Its folder."""

    @property
    def half(self) -> int:
        """1 or 2."""

    @property
    def state(self) -> str:
        """done, there or failed."""

    @property
    def rows(self) -> int:
        """Rows of its features."""

    @property
    def seconds(self) -> float:
        """That it took."""

    @property
    def text(self) -> str:
        """Why it failed."""


class _Speed(ProgressColumn):
    """Seconds of video a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} × real time" if task.speed else "")


class VideoBar:
    """A bar over seconds of video, with the time left; without a terminal a line a half."""

    def __init__(self, progress: Progress, video_s: float, halves: int) -> None:
        self._progress, self._halves, self._done = progress, halves, 0
        self._task = progress.add_task("extract", total=video_s)

    def tick(self, seconds: float) -> None:
        """Note seconds of video that were extracted."""
        self._progress.advance(self._task, seconds)

    def note(self, result: Result) -> None:
        """Note what became of a half."""
        self._done += 1
        self._progress.update(self._task, description=f"half {self._done}/{self._halves}")
        if result.text or self._progress.disable:
            said = result.text or f"{result.game}, half {result.half}: {result.state}"
            self._progress.console.print(Text(f"[{self._done}/{self._halves}] {said}{self._left()}"), soft_wrap=True)

    def _left(self) -> str:
        task = self._progress.tasks[0]
        left = task.time_remaining
        return "" if left is None or self._done == self._halves else f" (about {left / 60:.0f} min left)"


@contextmanager
def video_bar(video_s: float, halves: int) -> Iterator[VideoBar]:
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
        yield VideoBar(progress, video_s, halves)


def extraction_grid(title: str, results: Sequence[Result], doubts: Sequence[str]) -> Grid:
    """Halves, rows and seconds by outcome; why halves failed, and doubts, below."""
    lines = []
    for state in ("done", "there", "failed"):
        those = [result for result in results if result.state == state]
        rows, seconds = sum(result.rows for result in those), sum(result.seconds for result in those)
        speed = f"{rows / seconds:.3g}" if seconds else "-"
        lines.append((state, str(len(those)), str(rows), f"{seconds:.1f}" if seconds else "-", speed))
    notes = [f"failed: {result.game}, half {result.half}: {result.text}" for result in results if result.text]
    notes += [f"doubt: {doubt}" for doubt in doubts]
    return Grid(title, ("halves", "count", "rows", "seconds", "rows/s"), tuple(lines), tuple(notes))
