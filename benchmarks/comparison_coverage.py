"""What `compare` promises with few games: coverage of its 95 % interval and size of its test at 5 %.

    python benchmarks/comparison_coverage.py --out results/intervals/comparison.json

Two submissions that are equally good by construction (the `alike` scenario of `interval_coverage.py`) are compared on
many simulated test sets, so the true difference is 0. The confidences of the second are the fourth power of what they
were: its scale differs, its order does not.

    files   one file each: `compare`, and the permutation of raw levels that it replaced
    seeds   three runs each, whose recall varies over seeds: `compare_seeds`
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from interval_coverage import Submission, simulate

from soccerbench.events import Floats
from soccerbench.files import write_json
from soccerbench.metrics.resampling import Comparison, compare, compare_seeds, permutation_p
from soccerbench.metrics.spotting import resampled_spotting_scores
from soccerbench.metrics.statistics import SpottingStatistics

GAMES = {"files": (4, 8, 16, 50), "seeds": (4, 8)}
RUNS = 3
SPREAD = 0.02  # standard deviation of recall over seeds
ALARMS = 1.5


def rescaled(statistics: list[SpottingStatistics]) -> list[SpottingStatistics]:
    """The same order of confidences on another scale."""
    return [replace(game, level=game.level**4) for game in statistics]


def files(games: int, resamples: int, rng: np.random.Generator) -> tuple[Comparison, float]:
    """One comparison of two files, and the p-value of raw levels."""
    a, b = simulate((Submission(0.0, ALARMS),) * 2, games, rng)
    b = rescaled(b)
    kept = rng.integers(0, 2, (resamples, games)).astype(float)
    everything = np.vstack([np.hstack([kept, 1 - kept]), np.hstack([1 - kept, kept])])
    one, other = np.split(score([*a, *b], everything), 2)
    once = np.ones((1, games))
    raw = permutation_p(score(a, once) - score(b, once), one - other)
    return compare(a, b, repetitions=resamples, rng=rng), float(raw)


def score(statistics: list[SpottingStatistics], weights: Floats) -> Floats:
    """(R,) average-mAP."""
    return resampled_spotting_scores(statistics, weights, visibility=False)["average_map"]


def seeds(games: int, resamples: int, rng: np.random.Generator) -> tuple[Comparison, float]:
    """One comparison of two methods."""
    runs = simulate([Submission(float(gain), ALARMS) for gain in rng.normal(0, SPREAD, 2 * RUNS)], games, rng)
    return compare_seeds(runs[:RUNS], runs[RUNS:], repetitions=resamples, rng=rng), np.nan


def study(kind: str, games: int, options: argparse.Namespace) -> dict[str, Any]:
    """Shares over test sets."""
    rng = np.random.default_rng([options.seed, games])
    draw = {"files": files, "seeds": seeds}[kind]
    held, rejected, raw = [], [], []
    for _ in range(options.repetitions):
        found, p_raw = draw(games, options.resamples, rng)
        interval = found.interval["average_map"]
        held.append(interval.low <= 0 <= interval.high)
        rejected.append(found.p_value["average_map"] <= 0.05)
        raw.append(p_raw <= 0.05)
    shares = {"interval": float(np.mean(held)), "p_below_0.05": float(np.mean(rejected))}
    return shares | ({"p_of_raw_levels_below_0.05": float(np.mean(raw))} if kind == "files" else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200, help="test sets of each size")
    parser.add_argument("--resamples", type=int, default=200, help="resamples, and exchanges, of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    result: dict[str, Any] = {key: value for key, value in vars(options).items() if key != "out"}
    result |= {"runs": RUNS, "spread_of_recall": SPREAD}
    for kind, sizes in GAMES.items():
        result[kind] = {}
        for games in sizes:
            result[kind][str(games)] = study(kind, games, options)
            print(kind, games, result[kind][str(games)], flush=True)
            write_json(options.out, result)


if __name__ == "__main__":
    main()
