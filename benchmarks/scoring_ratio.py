"""Reading and scoring real submissions, over merely parsing the same bytes.

    python benchmarks/scoring_ratio.py LABELS SUBMISSION [SUBMISSION ...]

Prints a Markdown table of processor seconds, each the smallest of some turns in one process: `evaluate` with loose
and with tight tolerances, labels included; `orjson.loads` over every JSON file of labels and submission, none kept; and
unpacking these files.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import orjson

import soccerbench as sb

TURNS = 5


def smallest_s(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""

    def once() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return min(once() for _ in range(TURNS))


def json_files(*archives: Path) -> list[bytes]:
    """The unpacked JSON files of some zips."""
    opened = map(zipfile.ZipFile, archives)
    return [archive.read(name) for archive in opened for name in archive.namelist() if name.endswith(".json")]


def main() -> None:
    labels, *submissions = map(Path, sys.argv[1:])
    columns = (
        "submission",
        "loose (s)",
        "tight (s)",
        "parsing (s)",
        "unpacking (s)",
        "loose / parsing",
        "loose / both",
    )
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for path in submissions:
        files = json_files(labels, path)
        parsing_s = smallest_s(lambda files=files: deque(map(orjson.loads, files), maxlen=0))
        unpacking_s = smallest_s(lambda path=path: json_files(labels, path))
        loose_s, tight_s = (
            smallest_s(
                lambda path=path, kind=kind: sb.evaluate(
                    task="spotting", labels=labels, predictions=path, tolerances=kind
                )
            )
            for kind in ("loose", "tight")
        )
        seconds = " | ".join(f"{value:.2f}" for value in (loose_s, tight_s, parsing_s, unpacking_s))
        print(f"| {path.stem} | {seconds} | {loose_s / parsing_s:.1f} | {loose_s / (parsing_s + unpacking_s):.1f} |")


if __name__ == "__main__":
    main()
