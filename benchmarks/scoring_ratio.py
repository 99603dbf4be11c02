"""Reading and scoring real submissions, over merely parsing the same bytes.

    python benchmarks/scoring_ratio.py LABELS SUBMISSION [SUBMISSION ...]

Prints a Markdown table of seconds by the clock and of processors, each the smallest of some turns in one process:
`evaluate` with loose and with tight tolerances, labels included; `orjson.loads` over every JSON file of labels and
submission, none kept; and unpacking these files. `evaluate` unpacks in a second thread, which the clock does not show
where a core is free.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

import soccerbench as sb

TURNS = 5


class Took(NamedTuple):
    """Seconds of one call."""

    clock_s: float
    processor_s: float

    def over(self, *others: Took) -> str:
        """The ratios to the sum of others, by the clock and of processors."""
        clock_s, processor_s = map(sum, zip(*others, strict=True))
        return f"{self.clock_s / clock_s:.1f}, {self.processor_s / processor_s:.1f}"

    def __str__(self) -> str:
        return f"{self.clock_s:.2f}, {self.processor_s:.2f}"


def took(work: Callable[[], object]) -> Took:
    """Of one call."""
    clock_s, processor_s = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - clock_s, time.process_time() - processor_s)


def smallest(*works: Callable[[], object]) -> list[Took]:
    """Of one call of each, the smallest of some turns."""
    turns = [list(map(took, works)) for _ in range(TURNS)]
    return [Took(*map(min, zip(*of, strict=True))) for of in zip(*turns, strict=True)]


def json_files(*archives: Path) -> list[bytes]:
    """The unpacked JSON files of some zips."""
    opened = map(zipfile.ZipFile, archives)
    return [archive.read(name) for archive in opened for name in archive.namelist() if name.endswith(".json")]


def measured(labels: Path, path: Path) -> list[Took]:
    """Scoring with loose and with tight tolerances, parsing, and unpacking."""
    files = json_files(labels, path)
    return smallest(
        lambda: sb.evaluate(task="spotting", labels=labels, predictions=path),
        lambda: sb.evaluate(task="spotting", labels=labels, predictions=path, tolerances="tight"),
        lambda: deque(map(orjson.loads, files), maxlen=0),
        lambda: json_files(labels, path),
    )


def main() -> None:
    labels, *submissions = map(Path, sys.argv[1:])
    columns = ("submission", "loose", "tight", "parsing", "unpacking", "loose / parsing", "loose / both")
    print("By the clock, and of processors; seconds and ratios.\n")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for path in submissions:
        loose, tight, parsing, unpacking = measured(labels, path)
        ratios = f"{loose.over(parsing)} | {loose.over(parsing, unpacking)}"
        print(f"| {path.stem} | {loose} | {tight} | {parsing} | {unpacking} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
