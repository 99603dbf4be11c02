"""`data pack` and `data verify` from a cold cache, beside a plain copy of the same files from a cold cache.

Both copies end with their bytes on the disk (fsync). Speeds are in bytes of the source a second.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soccerbench.features.pack import pack
from soccerbench.features.packed import Dtype
from soccerbench.features.verify import verify
from soccerbench.simulation.matches.write import write_mini

BAIDU = "baidu_soccer_embeddings.npy"
Forget = Callable[[Path], None]


@pytest.fixture(scope="module")
def plain_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half as many games as in the packed root, plain float32: the same number of bytes."""
    out = tmp_path_factory.mktemp("plain") / "plain"
    write_mini(out, games=max(request.config.getoption("--games") // 2, 4), scale="release", files=[BAIDU])
    (out / "mini.json").unlink()  # its checksums: the release has none
    return out


def copy_s(root: Path, out: Path, forget: Forget) -> float:
    """Seconds to copy every feature file, the plain way."""
    forget(root)
    started = time.perf_counter()
    for file in sorted(root.rglob("*.npy")):
        copy = out / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        with copy.open("rb") as stream:
            os.fsync(stream.fileno())
    seconds = time.perf_counter() - started
    shutil.rmtree(out)
    return seconds


def compare(benchmark, work: Callable[[], object], root: Path, tmp_path: Path, forget: Forget) -> None:
    """Time some work on a root's feature files beside copying them, in turn."""
    size = sum(file.stat().st_size for file in root.rglob("*.npy"))
    copies = []

    def setup() -> None:
        copies.append(copy_s(root, tmp_path / "copy", forget))
        forget(root)

    benchmark.pedantic(work, setup=setup, rounds=5)
    seconds, copied_s = benchmark.stats.stats.median, statistics.median(copies)
    benchmark.extra_info |= {
        "source_bytes": size,
        "bytes_per_s": size / seconds,
        "plain_copy_bytes_per_s": size / copied_s,
        "share_of_a_plain_copy": copied_s / seconds,
    }
    assert copied_s / seconds > 0.5


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_pack(benchmark, plain_root: Path, tmp_path: Path, forget: Forget, dtype: Dtype) -> None:
    def work() -> None:
        pack(plain_root, tmp_path / "packed", dtype=dtype)
        shutil.rmtree(tmp_path / "packed")

    compare(benchmark, work, plain_root, tmp_path, forget)


def test_verify_a_plain_root(benchmark, plain_root: Path, tmp_path: Path, forget: Forget) -> None:
    compare(benchmark, lambda: verify(plain_root), plain_root, tmp_path, forget)


def test_verify_a_packed_root(benchmark, plain_root: Path, tmp_path: Path, forget: Forget) -> None:
    pack(plain_root, tmp_path / "packed")
    compare(benchmark, lambda: verify(tmp_path / "packed"), tmp_path / "packed", tmp_path, forget)
