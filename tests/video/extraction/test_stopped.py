"""Extraction in several processes, and after a kill at any moment: the same bytes, and nothing left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked import CommandLine, command_line
from interruption import assert_waits_for_the_writer, wait_for
from numpy.typing import NDArray

from soccerbench.video.extraction.feature_files import FeatureWriter
from soccerbench.video.extraction.half import Outcome

MODELS = ("vtn", "ircsn")
SETTINGS = ("size=32", "clip.frames=4", "ircsn.backbone=resnet14", "vtn.backbone=vit_tiny_patch16_224", "vtn.layers=1")
HALVES = [(game, half) for game in ("first", "second") for half in (1, 2)]
HALF_S = {1: 3, 2: 4}  # with a row for each second: 28 rows of two models in all


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, write_noise: Callable[..., Path]) -> Path:
    """Two games."""
    folder = tmp_path_factory.mktemp("videos")
    for game, half in HALVES:
        write_noise(folder / game / f"{half}.mkv", HALF_S[half], fps=12)
    return folder


@pytest.fixture(scope="module")
def expected(
    one_thread: None, root: Path, tmp_path_factory: pytest.TempPathFactory, extract: Callable[..., list[Outcome]]
) -> dict[str, bytes]:
    """What an uninterrupted run in this process writes."""
    whole = tmp_path_factory.mktemp("whole")
    extract(root, MODELS, out=whole)
    return arrays(whole)


def arrays(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.npy"))}


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.npy.*.part"))


def process_of(part: Path) -> int:
    return int(part.name.split(".")[-2])


def started(root: Path, out: Path, *, workers: int, rows: int = 1) -> AbstractContextManager[CommandLine]:
    """The command line; each of its processes waits after a number of rows for the file `go`."""
    append, left = FeatureWriter.append, rows

    def append_and_wait(file: FeatureWriter, rows: NDArray[np.floating[Any]]) -> None:
        nonlocal left
        append(file, rows)
        if 0 < left <= len(rows):
            out.with_name(f"{os.getpid()}.waits").touch()
            wait_for(out.with_name("go").exists)
        left -= len(rows)

    options = [option for setting in SETTINGS for option in ("--set", setting)]
    options += ["--models", ",".join(MODELS), "--untrained", "--device", "cpu", "--jobs", str(workers)]
    return command_line(
        "extract", root, "--out", out, *options, prepare=lambda: setattr(FeatureWriter, "append", append_and_wait)
    )


def wait_until_they_wait(out: Path, processes: int) -> None:
    wait_for(lambda: len(list(out.parent.glob("*.waits"))) == processes)


def let_go(out: Path) -> None:
    out.with_name("go").touch()


@pytest.mark.parametrize(
    "row",
    [pytest.param(1, marks=pytest.mark.parity), 7, pytest.param(28, marks=pytest.mark.parity)],
    ids=["the first half", "the second half", "the last row of all"],
)
def test_killed_and_resumed(
    root: Path,
    tmp_path: Path,
    expected: dict[str, bytes],
    extract: Callable[..., list[Outcome]],
    row: int,
) -> None:
    out = tmp_path / "out"
    with started(root, out, workers=1, rows=row) as process:
        wait_until_they_wait(out, 1)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = arrays(out)
    assert before.items() <= expected.items()
    assert len(before) < len(expected)
    states = [outcome.state for outcome in extract(root, MODELS, out=out)]
    assert states.count("there") == len(before) // len(MODELS)
    assert arrays(out) == expected
    assert not parts(out)


def test_workers_leave_with_their_parent(
    root: Path, tmp_path: Path, expected: dict[str, bytes], extract: Callable[..., list[Outcome]]
) -> None:
    out = tmp_path / "out"
    with started(root, out, workers=2) as process:
        wait_until_they_wait(out, 2)
        process.kill()
    wait_for(lambda: not parts(out))
    assert arrays(out).items() <= expected.items()
    extract(root, MODELS, out=out)
    assert arrays(out) == expected


def test_a_worker_that_dies_takes_one_half_with_it(
    root: Path, tmp_path: Path, expected: dict[str, bytes], extract: Callable[..., list[Outcome]]
) -> None:
    out = tmp_path / "out"
    with started(root, out, workers=2) as process:
        wait_until_they_wait(out, 2)
        begun = parts(out)[0]
        os.kill(process_of(begun), signal.SIGKILL)
        let_go(out)
        shown, said = process.communicate()
    assert process.returncode == 1, said
    assert "its process ended with code -9" in " ".join(shown.split())
    lost = f"{begun.parent.name}/{begun.name[1]}_"
    assert arrays(out) == {name: data for name, data in expected.items() if not name.startswith(lost)}, said
    extract(root, MODELS, out=out)
    assert arrays(out) == expected
    assert not parts(out)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.parity), 2])
def test_the_keyboard_stops_it_without_loss(root: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    with started(root, out, workers=workers) as process:
        wait_until_they_wait(out, workers)
        process.send_signal(signal.SIGINT)
        let_go(out)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "Stopped. Nothing is lost: the same command resumes."
    assert not parts(out)


def test_it_waits_for_another_process_that_extracts_the_same_half(
    root: Path, tmp_path: Path, extract: Callable[..., list[Outcome]], caplog: pytest.LogCaptureFixture
) -> None:
    game, half = HALVES[0]
    folder = tmp_path / "out" / game
    assert_waits_for_the_writer(
        lambda: extract(root, MODELS, out=tmp_path / "out", games=[game]),
        caplog,
        folder,
        lease=folder / f".{half}_extraction.json.lease",
    )
    assert {outcome.state for outcome in extract(root, MODELS, out=tmp_path / "out", games=[game])} == {"there"}
