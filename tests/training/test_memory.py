"""Memory that is kept: what is freed stays with the process, and goes back to the system at the end."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

RESIDENT = """
import torch
from soccerbench.training.memory import freed_memory_kept

def use(bytes_each, count=6):
    pieces = [torch.empty(bytes_each // 4).fill_(1) for _ in range(count)]

def resident():
    return 4096 * int(open("/proc/self/statm").read().split()[1])

use(2**20)
usual = resident()
with freed_memory_kept():
    use(2**24)
    kept = resident() - usual
    use(2**26)
    print(kept, resident() - usual - kept)
print(resident() - usual)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="only glibc is asked to")
@pytest.mark.parametrize("large_pages", ["0", "1"], ids=["plain", "large-pages"])  # the command line asks for them
def test_freed_memory_is_kept_and_given_back(large_pages: str) -> None:
    environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": large_pages}
    command = [sys.executable, "-c", RESIDENT]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    kept, kept_of_the_largest, after = map(int, said.split())
    assert kept > 5 * 2**24
    assert kept_of_the_largest < 2**26
    assert after < 2**25
