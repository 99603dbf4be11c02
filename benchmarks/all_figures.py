"""The CPU figures of docs/internals/speed.md as a Markdown table: some ten minutes of an idle machine.

    python benchmarks/all_figures.py [WORD ...]

With words, only the groups whose names contain one: scoring, commands, job, training, extraction. Seconds are those of
the clock, processor seconds those of all threads and processes; of several turns the smallest of each. Ratios are of
figures of one run. Commands have their byte code, as an installed package has. A group that cannot run is a line with
the reason.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from conftest import REPOSITORY, commit, describe_machine
from scoring_ratio import measured

SHARED = REPOSITORY.parent / "shared" / "data"
LABELS, SMALL = SHARED / "soccernet_v2_labels.zip", SHARED / "netvlad_v2_results_spotting_test.zip"
LARGE = [SHARED / "submissions" / f"netvladpp_{name}_fusion_test.zip" for name in ("e2", "e3", "e4")]
BYTE_CODE = tempfile.TemporaryDirectory(prefix="byte-code-")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONPYCACHEPREFIX": BYTE_CODE.name}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
PROGRAM = [sys.executable, "-c", "from soccerbench.cli import main; main()"]
PR_SET_CHILD_SUBREAPER = 36  # of Linux
EVALUATE = ["evaluate", "spotting", "--labels", str(LABELS), "--predictions", str(SMALL)]


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    floor: str
    ratio: str
    asked: str
    command: str


def took(command: list[str], turns: int) -> tuple[float, float]:
    """Seconds by the clock and of processors, those of all descendants included, the smallest of some turns."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    found = []
    for _ in range(turns):
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise OSError(f"{' '.join(command[-3:])}: status {status}")
        clock_s, processor_s = time.perf_counter() - started, used.ru_utime + used.ru_stime
        with suppress(ChildProcessError):
            while True:  # the server of workers, which outlives the command for a moment
                used = os.wait4(-1, 0)[2]
                processor_s += used.ru_utime + used.ru_stime
        found.append((clock_s, processor_s))
    clock, processor = zip(*found, strict=True)
    return min(clock), min(processor)


def scoring() -> Iterator[Figure]:
    """Reading and scoring with loose tolerances in one process, over parsing the same bytes."""
    for path in (SMALL, *LARGE):
        ours, _, parsing, unpacking = measured(LABELS, path)
        for by, now, floor_s, unpacking_s in zip(("clock", "processors"), ours, parsing, unpacking, strict=True):
            floor = f"`orjson.loads` {floor_s:.2f} s, with unpacking {floor_s + unpacking_s:.2f} s"
            ratio = f"{now / floor_s:.1f}, {now / (floor_s + unpacking_s):.1f}"
            yield Figure(f"read and score {path.stem}, by {by}", f"{now:.2f} s", floor, ratio, "2", "scoring")


def commands() -> Iterator[Figure]:
    """Whole processes."""
    compare = ["compare", str(LARGE[1]), str(LARGE[2]), "--labels", str(LABELS), "--task", "spotting"]
    python = took([sys.executable, "-c", "import typer, numpy, rich.console, orjson"], 5)
    floor = f"imports of typer, numpy, rich, orjson: {python[0]:.2f} s, {python[1]:.2f} s of a processor"
    for what, asked, arguments, turns in (
        ("`--help`", "0.2 s of a processor", ["--help"], 5),
        ("`list`", "0.3 s of a processor", ["list"], 5),
        ("`evaluate`, small submission", "0.35 s", EVALUATE, 5),
        ("the same with `--bootstrap 1000`", "1 s more", [*EVALUATE, "--bootstrap", "1000"], 3),
        ("`compare` of e3 and e4", "5 s", compare, 2),
    ):
        clock_s, processor_s = took([*PROGRAM, *arguments], turns)
        measured = f"{clock_s:.2f} s, {processor_s:.2f} s of a processor"
        yield Figure(what, measured, floor, f"{processor_s / python[1]:.1f}", asked, "commands")


def job() -> Iterator[Figure]:
    """README's first command."""
    with tempfile.TemporaryDirectory() as out:
        clock_s, processor_s = took([*PROGRAM, "reproduce", "table2", "--data", "mini", "--out", out], 1)
    measured = f"{clock_s:.0f} s, {processor_s:.0f} s of processors"
    yield Figure("`soccerbench reproduce table2`, ten rows", measured, "-", "-", "120 s", "job")


def recorded(*arguments: str) -> dict[str, dict[str, Any]]:
    """What a benchmark for pytest measures."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        command.append(f"--benchmark-json={file}")
        done = subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, check=False)
        found = json.loads(file.read_bytes())["benchmarks"] if file.exists() and file.stat().st_size else []
    if not found:
        raise OSError(done.stdout.decode().strip().splitlines()[-1])
    return {one["name"]: one["extra_info"] for one in found}


def training() -> Iterator[Figure]:
    """Steps at full width, in turns with the plain loop."""
    for name, found in recorded("benchmarks/test_training_speed.py").items():
        plain = f"plain loop {found['plain_windows_per_s']:.0f} clips a second"
        ratio, clips = f"{found['ratio_to_the_plain_loop']:.2f} times as fast", f"{found['windows_per_s']:.0f} a second"
        yield Figure(f"clips of row 8, {name.partition('[')[2][:-1]} cache", clips, plain, ratio, "1.2", "training")


def extraction() -> Iterator[Figure]:
    """Five small video models on a simulated video."""
    found = recorded("benchmarks/test_extraction_speed.py::test_extraction")["test_extraction"]
    naive = f"naive way {found['naive_rows_per_s']:.1f} rows a second"
    rows, ratio = f"{found['rows_per_s']:.1f} a second", f"{found['times_faster']:.1f} times as fast"
    yield Figure("rows of five small video models", rows, naive, ratio, "-", "extraction")


def main() -> None:
    groups: tuple[Callable[[], Iterator[Figure]], ...] = (scoring, commands, job, training, extraction)
    machine = describe_machine()
    print(f"{machine['processor']}, {machine['cores']} cores, GPU {machine['gpu']}, commit {commit()},")
    print(f"load average before {os.getloadavg()[0]:.1f}; command `python benchmarks/all_figures.py GROUP`\n")
    print("| figure | now | floor or peer | ratio | asked | GROUP |\n|" + " --- |" * 6)
    for group in groups:
        if sys.argv[1:] and not any(word in group.__name__ for word in sys.argv[1:]):
            continue
        try:
            if group in (scoring, commands) and not LABELS.exists():
                raise OSError("../shared/data is not there")
            for figure in group():
                print(f"| {' | '.join(figure)} |", flush=True)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"| {group.__name__} | not measured: {error} | | | | {group.__name__} |", flush=True)


if __name__ == "__main__":
    main()
