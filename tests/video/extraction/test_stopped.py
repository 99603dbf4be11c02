"""Extraction in several processes, and after a kill at any moment: the same bytes, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from interruption import DEADLINE_S, assert_waits_for_the_writer, wait_for

from soccerbench.video.extraction.half import Outcome

MODELS = ("vtn", "ircsn")
SETTINGS = ("size=32", "clip.frames=4", "ircsn.backbone=resnet14", "vtn.backbone=vit_tiny_patch16_224", "vtn.layers=1")
HALVES = [(game, half) for game in ("first", "second") for half in (1, 2)]
THREADS = {"OMP_NUM_THREADS": "1"}
HALF_S = {1: 15, 2: 16}  # with a row for each second
MAIN = """
import os, time
from pathlib import Path
from soccerbench.cli import main
from soccerbench.video.extraction.feature_files import FeatureWriter

append, left, place, parent = FeatureWriter.append, int(os.environ["ROWS"]), Path(__file__).parent, os.getppid()

def append_and_wait(file, rows):
    global left
    append(file, rows)
    if 0 < left <= len(rows):
        (place / f"{os.getpid()}.waits").touch()
        deadline = time.monotonic() + 300
        while not (place / "go").exists() and os.getppid() == parent and time.monotonic() < deadline:
            time.sleep(0.01)
    left -= len(rows)

FeatureWriter.append = append_and_wait
if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, write_noise: Callable[..., Path]) -> Path:
    """Two games."""
    folder = tmp_path_factory.mktemp("videos")
    for game, half in HALVES:
        write_noise(folder / game / f"{half}.mkv", HALF_S[half], fps=12)
    return folder


@pytest.fixture
def expected(one_thread: None, root: Path, tmp_path: Path, extract: Callable[..., list[Outcome]]) -> dict[str, bytes]:
    """What an uninterrupted run in this process writes."""
    extract(root, MODELS, out=tmp_path / "whole")
    return arrays(tmp_path / "whole")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The command line as a file: a spawned process must be able to import it.

    Each of its processes waits after a number of rows for the file `go`, the end of its parent, or 300 s.
    """
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path / "main.py"


def arrays(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.npy"))}


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.npy.*.part"))


def process_of(part: Path) -> int:
    return int(part.name.split(".")[-2])


def started(script: Path, root: Path, out: Path, *, workers: int, rows: int = 1) -> subprocess.Popen[str]:
    options = [option for setting in SETTINGS for option in ("--set", setting)]
    command = [sys.executable, str(script), "extract", str(root), "--models", ",".join(MODELS), "--untrained"]
    command += ["--device", "cpu", "--out", str(out), "--jobs", str(workers), *options]
    environment = os.environ | THREADS | {"ROWS": str(rows)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_until_they_wait(script: Path, processes: int) -> None:
    wait_for(lambda: len(list(script.parent.glob("*.waits"))) == processes)


def let_go(script: Path) -> None:
    (script.parent / "go").touch()


@pytest.mark.parametrize("row", [1, 47, 124])  # of the first half; of the second; the last row of all
def test_killed_and_resumed(
    root: Path,
    tmp_path: Path,
    script: Path,
    expected: dict[str, bytes],
    extract: Callable[..., list[Outcome]],
    row: int,
) -> None:
    out = tmp_path / "out"
    with started(script, root, out, workers=1, rows=row) as process:
        wait_until_they_wait(script, 1)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = arrays(out)
    assert before.items() <= expected.items()
    assert len(before) < len(expected)
    states = [outcome.state for outcome in extract(root, MODELS, out=out)]
    assert states.count("there") == len(before) // len(MODELS)
    assert arrays(out) == expected
    assert not parts(out)


@pytest.mark.slow
def test_workers_leave_with_their_parent(
    root: Path, tmp_path: Path, script: Path, expected: dict[str, bytes], extract: Callable[..., list[Outcome]]
) -> None:
    out = tmp_path / "out"
    with started(script, root, out, workers=2) as process:
        wait_until_they_wait(script, 2)
        process.kill()
    wait_for(lambda: not parts(out))
    assert arrays(out).items() <= expected.items()
    extract(root, MODELS, out=out)
    assert arrays(out) == expected


def test_a_worker_that_dies_takes_one_half_with_it(
    root: Path, tmp_path: Path, script: Path, expected: dict[str, bytes], extract: Callable[..., list[Outcome]]
) -> None:
    out = tmp_path / "out"
    with started(script, root, out, workers=2) as process:
        wait_until_they_wait(script, 2)
        begun = parts(out)[0]
        os.kill(process_of(begun), signal.SIGKILL)
        let_go(script)
        shown, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, said
    assert "its process ended with code -9" in " ".join(shown.split())
    lost = f"{begun.parent.name}/{begun.name[1]}_"
    assert arrays(out) == {name: data for name, data in expected.items() if not name.startswith(lost)}, said
    extract(root, MODELS, out=out)
    assert arrays(out) == expected
    assert not parts(out)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_keyboard_stops_it_without_loss(root: Path, tmp_path: Path, script: Path, workers: int) -> None:
    out = tmp_path / "out"
    with started(script, root, out, workers=workers) as process:
        wait_until_they_wait(script, workers)
        process.send_signal(signal.SIGINT)
        let_go(script)
        _, said = process.communicate(timeout=DEADLINE_S)
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
