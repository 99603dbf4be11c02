"""Scores of Table 2 row 8 on mini, from its float32 features and from the same packed as float16, three seeds each.

What is timed is packing; what counts stands beside it: the largest rounding error, and by how much the scores move.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.progress import silent
from soccerbench.simulation.matches.write import cached_mini
from soccerbench.specs.load import load_table

ROW, SEEDS = 8, range(3)
SPLITS = ("test", "challenge")


def scores(root: Path, out: Path) -> dict[str, list[float]]:
    """Average-mAP at the loose tolerances, per cent, of every split and seed."""
    row = load_table("table2", mini=True).rows[ROW - 1]
    results = [Planner(Dataset(root), out).experiment(row, seed).run(device="cpu", progress=silent) for seed in SEEDS]
    return {split: [100 * result["scores"][split]["loose"]["average_map"] for result in results] for split in SPLITS}


def test_float16_moves_the_score_less_than_the_seed(benchmark: Any, tmp_path: Path) -> None:
    mini = cached_mini()
    packed = benchmark.pedantic(pack, (mini, tmp_path / "packed"), rounds=1)
    found = {"float32": scores(mini, tmp_path / "runs"), "float16": scores(tmp_path / "packed", tmp_path / "runs")}
    benchmark.extra_info |= {
        "largest_relative_error": packed.index.largest_relative_error,
        "largest_absolute_error": packed.index.largest_absolute_error,
        **{f"{split}_{dtype}": values[split] for dtype, values in found.items() for split in SPLITS},
    }
    for split in SPLITS:
        moved = statistics.mean(found["float16"][split]) - statistics.mean(found["float32"][split])
        spread = statistics.stdev(found["float32"][split])
        benchmark.extra_info |= {f"{split}_moved": moved, f"{split}_seed_deviation": spread}
        assert abs(moved) < spread
    assert packed.index.largest_relative_error <= 2**-11
