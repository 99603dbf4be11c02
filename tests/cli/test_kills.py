"""Every verb that writes, killed at random moments: the same command then gives what it gives without a kill.

Not compared: times and memory, and the log of a training.
"""

from __future__ import annotations

import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from forked import command_line
from interruption import DEADLINE_S

from soccerbench.simulation.videos.write import write_videos

pytestmark = [pytest.mark.parity, pytest.mark.timeout(1800)]
KILLS = 5
MEASURED = {"seconds", "processor_seconds", "pass_s", "peak_memory_bytes", "resumed_after_epoch"}
SMALL = "--set backbone=resnet14 --set size=16 --set clip.frames=2 --set clip.fps=1"
TRAINED = f"{SMALL} --set batch_size=4 --set max_epochs=4 --set plateau=null"
VERBS = {
    "reproduce": "reproduce table2 --rows 8 --seeds 0-1 --jobs 1 --set max_epochs=9 --data {tiny} --out {out}",
    "reproduce table3": "reproduce table3 --rows 4 --set max_epochs=2 --set batch_size=16 --data {tiny} --out {out}",
    "extract": f"extract {{videos}} --split valid --models ircsn --untrained --out {{out}} {SMALL}",
    "finetune": f"finetune ircsn --snippets {{snippets}} --out {{out}} {TRAINED}",
    "data pack": "data pack {tiny} {out}/pack",
    "data mini": "data mini {out}/mini --games 4",
    "report": "report {runs} --data {tiny} --out {out}/report.html",
    "check --update": "check {runs} --baseline {out}/records --update",
    "submit": "submit {run} --task spotting --out {out}/results.zip",
    "spot": "spot {run} {match} --out {out}/spotted",
    "convert": "convert {tiny} {out}/labels.json --to osl",
}
NO_DEVICE = {"data pack", "data mini", "report", "check --update", "submit", "convert"}


def run(arguments: Sequence[str], memory: Path, *, kill_after_s: float = DEADLINE_S) -> tuple[int | None, str, float]:
    """Exit code, messages and seconds of a command; the KiB that it took at most are in a file."""
    began_s = time.monotonic()
    with command_line(*arguments, prepare=lambda: Finalize(None, _write_peak, (memory,), exitpriority=0)) as process:
        while process.returncode is None and time.monotonic() - began_s < kill_after_s:
            time.sleep(0.002)
        process.kill()
        return process.returncode, process.stderr, time.monotonic() - began_s


def _write_peak(file: Path) -> None:
    file.write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, shared_tiny_root: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    write_videos(folder / "videos", games=4, minutes=0.3)
    places = {"tiny": shared_tiny_root, "videos": folder / "videos", "snippets": folder / "snippets"}
    snippets = ["snippets", str(folder / "videos"), str(folder / "snippets"), "--background-per-half", "1"]
    for arguments in (snippets, command("reproduce", places | {"out": folder / "runs"})):
        exit_code, messages, _ = run(arguments, folder / "kib")
        assert exit_code == 0, messages
    match = next(path for path in sorted(shared_tiny_root.rglob("*challenge 1 - 0*")) if path.is_dir())
    runs = folder / "runs"
    return places | {"runs": runs, "run": next(runs.glob("*/table2/row-08/seed-0")), "match": match}


def command(verb: str, places: dict[str, Path]) -> list[str]:
    words = VERBS[verb].split()
    return [word.format(**places) for word in words] + ([] if verb in NO_DEVICE else ["--device", "cpu"])


def content(out: Path) -> dict[str, Any]:
    """What a folder holds, without what is measured."""
    files = [file for file in sorted(out.rglob("*")) if file.is_file() and file.name != "log.txt"]
    return {file.relative_to(out).as_posix(): _content(file) for file in files}


def _content(file: Path) -> Any:
    if file.suffix == ".json":
        return _timeless(orjson.loads(file.read_bytes()))
    if file.suffix == ".pt":
        return _timeless(torch.load(file, weights_only=True))
    return file.read_bytes()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in MEASURED}
    if isinstance(value, list | tuple):
        return [_timeless(one) for one in value]
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_random_it_ends_in_the_same_bytes(
    verb: str, places: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = command(verb, places | {"out": out})
    out.mkdir()
    exit_code, messages, whole_s = run(arguments, tmp_path / "kib")
    memory_mib = int((tmp_path / "kib").read_text()) / 1024
    assert exit_code in (0, 1), messages
    expected = content(out)
    assert expected
    rng, killed = random.Random(f"kills of {verb}"), 0
    for _ in range(3 * KILLS):
        shutil.rmtree(out)
        out.mkdir()
        before, *_ = run(arguments, tmp_path / "kib", kill_after_s=rng.uniform(0, whole_s))
        again, messages, again_s = run(arguments, tmp_path / "kib")
        assert again == exit_code, messages
        assert content(out) == expected
        killed, whole_s = killed + (before == -signal.SIGKILL), min(whole_s, max(again_s, 1))
        if killed == KILLS:
            break
    assert killed == KILLS
    with capsys.disabled():
        sys.stdout.write(f"| `{verb}` | {killed} | {memory_mib:.0f} |\n")
