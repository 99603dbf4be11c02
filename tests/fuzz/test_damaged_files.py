"""Damaged files end in a score, the official one, or in one line: never a traceback, a hang or a full memory.

Everyday 350 cases; SOCCERBENCH_FUZZ=full runs 10,000. A finding names its case: `python campaign.py CASE 1` repeats it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("SoccerNet")

CASES = 10_000 if os.environ.get("SOCCERBENCH_FUZZ") == "full" else 350
MAX_PEAK_BYTES = 10**9
CAMPAIGN = Path(__file__).with_name("campaign.py")

LARGEST = """
import sys
from pathlib import Path
from soccerbench.errors import InputError
from soccerbench.soccernet.archive import MAX_VALUES, Tree
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.experiments.fingerprint import peak_memory_bytes
root = Path(sys.argv[1])
item = b'"ab",'
(root / "game" / "Labels-v2.json").write_bytes(b'{"annotations":[' + item * MAX_VALUES + b"0]}")
try:
    read_spotting_labels(Tree(root), "game", strict=False)
except InputError as error:
    assert "entry 1" in str(error)
else:
    raise AssertionError("read")
print(peak_memory_bytes())
"""


def test_damaged_files_end_in_the_official_score_or_one_line() -> None:
    done = subprocess.run([sys.executable, CAMPAIGN, "0", str(CASES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["findings"] == []
    assert report["peak_bytes"] < MAX_PEAK_BYTES
    assert (
        min(report["seen"][f"{task}: {end}"] for task in ("spotting", "grounding") for end in ("scored", "refused"))
        > 50
    )


def test_the_largest_file_that_is_read_stays_within_memory(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    done = subprocess.run([sys.executable, "-c", LARGEST, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MAX_PEAK_BYTES
