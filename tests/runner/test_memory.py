"""Memory that is kept: the system is asked for it once, and gets it back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from soccerbench.runner.memory import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.empty(2**24).fill_(1)  # 64 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_bytes():
    return 4096 * int(open("/proc/self/statm").read().split()[1])

usual = faults()
with freed_memory_kept():
    faults()
    kept, inside = faults(), resident_bytes()
print(usual, kept, faults(), inside - resident_bytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="only glibc is asked to")
def test_freed_memory_is_kept_and_given_back() -> None:
    environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": "1"}  # as the command line has it
    command = [sys.executable, "-c", FAULTS]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    usual, kept, after, given_back = map(int, said.split())
    assert kept * 10 < min(usual, after)
    assert given_back > 5e7
