"""Damaged videos and files of our own end in a result or in one line: never a traceback, a hang or a full memory.

Everyday 240 cases of each kind of file and 3 of each container; SOCCERBENCH_FUZZ=full runs 10,030.
`PYTHONPATH=.:tests python tests/fuzz/own_files.py CASE 1 1 KIND` repeats one.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest
from fuzz.own_files import campaign

FULL = os.environ.get("SOCCERBENCH_FUZZ") == "full"
CASES, OF_VIDEOS = (430, 125) if FULL else (240, 3)
MAX_GROWTH_BYTES = 5 * 10**8
ALWAYS_READ = {"identity.json"}  # another run where it is damaged
KINDS, CONTAINERS = 21, 8


@pytest.mark.timeout(3000)
def test_damaged_files_are_read_or_refused_in_one_line() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:  # a crash, or its memory, is seen
        report = pool.submit(campaign, 0, CASES, OF_VIDEOS).result()
    assert report["findings"] == []
    assert report["peak_bytes"] < MAX_GROWTH_BYTES
    kinds = {name.partition(":")[0] for name in report["seen"]}
    assert len(kinds) == KINDS + CONTAINERS
    assert sum(report["seen"].values()) == KINDS * CASES + CONTAINERS * OF_VIDEOS
    for kind in kinds - ALWAYS_READ:
        assert report["seen"][f"{kind}: refused"] > 0, kind
