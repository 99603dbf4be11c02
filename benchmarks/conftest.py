"""Options of the benchmarks, the data they run on, and a record of what they measured.

pytest benchmarks                      small data, minutes
pytest benchmarks --data FOLDER        a packed root of your own, such as `soccerbench data mini FOLDER --packed
                                       --scale release --games 220`
pytest benchmarks --record             also writes results/benchmarks/<machine>.json, where what was not measured
                                       this time stays
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccerbench.events import Events
from soccerbench.experiments.fingerprint import versions
from soccerbench.files import write_json
from soccerbench.simulation.matches.write import write_mini
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.spotting_predictions import write_spotting_predictions

REPOSITORY = Path(__file__).resolve().parents[1]
BAIDU = "baidu_soccer_embeddings.npy"
RECORDS = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", type=Path, help="a packed root at the width of the release")
    parser.addoption("--games", type=int, default=8, help="games to simulate without --data")
    parser.addoption("--steps", type=int, default=40, help="training steps to time")
    parser.addoption("--record", action="store_true", help="write results/benchmarks/<machine>.json")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDS] = {}


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what a benchmark measured."""
    yield
    measured = request.node.funcargs.get("benchmark")
    if measured is not None and measured.stats is not None:
        times = measured.stats.stats
        request.config.stash[RECORDS][request.node.nodeid] = {
            "median_s": times.median, "min_s": times.min, "rounds": times.rounds, **measured.extra_info,
        }  # fmt: skip


def pytest_sessionfinish(session: pytest.Session) -> None:
    measured = session.config.stash[RECORDS]
    if session.config.getoption("--record") and measured:
        machine = describe_machine()
        computes = machine["gpu"] or f"{machine['processor']} {machine['instructions']}"
        name = re.sub(r"[^a-z0-9]+", "-", f"{computes} {machine['cores']} cores".lower())
        file = REPOSITORY / "results" / "benchmarks" / f"{name}.json"
        earlier = json.loads(file.read_bytes())["measured"] if file.exists() else {}
        about = {"commit": commit(), "versions": versions(), "load_average": os.getloadavg()[0]}
        measured = {benchmark: about | figures for benchmark, figures in measured.items()}
        write_json(file, {"machine": machine, "measured": earlier | measured})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Use the GPU last: what its driver keeps would count as the memory of the others."""
    items.sort(key=lambda item: item.path.name == "test_gpu_speed.py")


def describe_machine() -> dict[str, Any]:
    """What the figures depend on."""
    import torch

    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        processor = found[1] if found else processor
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor, "instructions": torch.backends.cpu.get_cpu_capability(), "cores": os.cpu_count(),
        "memory_bytes": memory_bytes, "gpu": gpu,
        "torch_threads": torch.get_num_threads(), "system": platform.system(),
    }  # fmt: skip


def commit() -> str | None:
    """The commit that was measured, with a plus where the working tree differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", "soccerbench") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


@pytest.fixture(scope="session")
def packed_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed root whose five blocks have the width of the release."""
    given: Path | None = request.config.getoption("--data")
    if given is not None:
        return given
    out = tmp_path_factory.mktemp("packed") / "packed"
    games = request.config.getoption("--games")
    write_mini(out, games=games, scale="release", packed=True, files=[BAIDU])
    return out


@pytest.fixture(scope="session")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 735,000 predictions: one each 10 to 15 s, of every class, in every half of the 100 test games."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("dense") / "dense.zip"

    def game(name: str) -> Events:
        position_ms = np.cumsum(rng.integers(10_000, 15_001, (2, len(CLASSES), 216)), axis=2)
        half, label, _ = np.indices(position_ms.shape)
        confidence = rng.random(position_ms.size).round(4)
        return Events(half.ravel() + 1, label.ravel(), position_ms.ravel(), confidence=confidence, game=name)

    write_spotting_predictions(path, map(game, official_games("test")))
    return path


@pytest.fixture
def forget() -> Callable[[Path], None]:
    """Drops a file, or all files below a folder, from the page cache (posix_fadvise, which needs no privileges)."""

    def drop(path: Path) -> None:
        os.sync()
        for file in [path] if path.is_file() else sorted(path.rglob("*.npy")):
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

    return drop
