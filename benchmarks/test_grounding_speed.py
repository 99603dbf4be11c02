"""Grounding the replays of one half: each clip's trunk once, instead of once a pair.

Run with: pytest benchmarks/test_grounding_speed.py
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from soccerbench.features.store import FeatureStore
from soccerbench.models.cmn import Cmn
from soccerbench.soccernet.replays import GameReplays, Replay
from soccerbench.specs.load import load_table
from soccerbench.tasks.cmn import CmnTask, chunk_starts, spot_all, trunks
from soccerbench.tasks.replay_queries import query

ROWS, REPLAYS = 2700, 30
AT_LEAST = 10


@dataclass(frozen=True)
class Half:
    """One half of the released width with 30 replays, and a model for it."""

    task: CmnTask
    model: Cmn
    game: GameReplays


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Half:
    root, rng = tmp_path_factory.mktemp("root"), np.random.default_rng(0)
    (root / "game").mkdir()
    for number, rows in ((1, ROWS), (2, 10)):
        values = rng.random((rows, 8576), dtype=np.float32)
        np.save(root / "game" / f"{number}_baidu_soccer_embeddings.npy", values)
    starts = np.sort(rng.choice(np.arange(60, ROWS - 60), REPLAYS, replace=False)).tolist()
    replays = tuple(Replay(1, 1000 * start, 1000 * start + 7000) for start in starts)
    row = next(row for row in load_table("table3").rows if row.row == 5)
    task = CmnTask(row, FeatureStore(root, row.blocks), train={}, valid={})
    torch.manual_seed(0)
    model = task.model().eval()
    assert isinstance(model, Cmn)
    return Half(task, model, GameReplays("game", replays))


@torch.no_grad()
def pair_by_pair(half: Half) -> torch.Tensor:
    """What the released code does: every pair through the whole model, a chunk's pairs in one batch."""
    task = half.task
    asked = [query(task.store, "game", replay, shift_s=0) for replay in half.game.replays]
    clips = torch.stack([torch.from_numpy(task.replay(one)) for one in asked])
    found = []
    for start in chunk_starts(ROWS, chunk=task.chunk, field=task.field).tolist():
        chunk = torch.from_numpy(task.candidate("game", 1, start)).expand(REPLAYS, -1, -1)
        found.append(half.model(torch.stack([chunk, clips], dim=1))[1][:, 0])
    return torch.stack(found, dim=1)  # (replays, chunks, 2)


def each_clip_once(half: Half) -> torch.Tensor:
    task, device = half.task, torch.device("cpu")
    asked = [query(task.store, "game", replay, shift_s=0) for replay in half.game.replays]
    starts = chunk_starts(ROWS, chunk=task.chunk, field=task.field)
    candidates = trunks(half.model, (task.candidate("game", 1, int(start)) for start in starts), device)
    return spot_all(half.model, candidates=candidates, replays=trunks(half.model, map(task.replay, asked), device))


def test_each_clip_once_is_ten_times_faster_and_equal(half: Half) -> None:
    each_clip_once(half)  # both read their features from warm memory
    before = time.perf_counter()
    slow = pair_by_pair(half)
    between = time.perf_counter()
    fast = each_clip_once(half)
    after = time.perf_counter()
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-5)
    ratio = (between - before) / (after - between)
    print(f"\npair by pair {between - before:.2f} s, each clip once {after - between:.2f} s: {ratio:.1f} times faster")
    assert ratio >= AT_LEAST


def test_detecting_the_whole_half(half: Half, benchmark: object) -> None:
    assert callable(benchmark)
    found = benchmark(half.task.detect, half.model, half.game, torch.device("cpu"))
    assert len(found.replays) == REPLAYS
