"""What a result depends on: the code that makes its numbers and no other, and the process that made it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soccerbench.experiments import fingerprint
from soccerbench.experiments.experiment import _code_of
from soccerbench.specs.load import load_table

CHILD = "from soccerbench.experiments.fingerprint import peak_memory_bytes; print(peak_memory_bytes())"
TRANSFORMER, NETVLAD = (load_table("table2").rows[number - 1] for number in (7, 8))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, to be edited, in the place of the original."""
    copy = tmp_path / "soccerbench"
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    return copy


def edit(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)
    fingerprint.read_source.cache_clear()


@pytest.mark.parametrize(
    "file",
    [
        "features/download.py", "features/verify.py", "report/tables/paper.py", "experiments/drift.py",
        "experiments/table.py", "cli/reproduce.py", "training/loggers.py", "models/resnet1d.py",
    ],
)  # fmt: skip
def test_code_that_makes_no_numbers_of_a_row_does_not_count(package: Path, file: str) -> None:
    before = _code_of(NETVLAD)
    edit(package / file, "\nA_NEW_LINE = 1\n")
    assert _code_of(NETVLAD) == before


@pytest.mark.parametrize(
    "file", ["metrics/spotting.py", "models/netvlad.py", "tasks/spotting.py", "training/loop.py", "features/store.py"]
)
def test_code_that_makes_the_numbers_counts(package: Path, file: str) -> None:
    before = _code_of(NETVLAD)
    edit(package / file, "\nA_NEW_LINE = 1\n")
    assert _code_of(NETVLAD) != before


def test_comments_docstrings_and_blank_lines_do_not_count(package: Path) -> None:
    before = _code_of(NETVLAD)
    file = package / "models/netvlad.py"
    file.write_text(f"# A comment.\n\n{file.read_text().replace('NetVLAD++ (', 'Also known as NetVLAD++ (')}  # end\n")
    edit(file, "\n\n# Another.\n")
    assert _code_of(NETVLAD) == before


def test_each_head_has_its_own_hash(package: Path) -> None:
    before = _code_of(TRANSFORMER), _code_of(NETVLAD)
    edit(package / "models/transformer.py", "\nA_NEW_LINE = 1\n")
    after = _code_of(TRANSFORMER), _code_of(NETVLAD)
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_the_peak_of_memory_is_that_of_the_process_alone() -> None:
    held = np.ones(2**27)  # 1 GB
    peak = int(subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout)
    assert 2**24 < peak < held.nbytes
