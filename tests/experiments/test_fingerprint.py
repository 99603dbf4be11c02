"""What is told of the process that makes a number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHILD = "from soccerbench.experiments.fingerprint import peak_memory_bytes; print(peak_memory_bytes())"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_the_peak_of_memory_is_that_of_the_process_alone() -> None:
    held = np.ones(2**27)  # 1 GB
    peak = int(subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout)
    assert 2**24 < peak < held.nbytes
