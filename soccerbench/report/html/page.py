"""What the HTML report shows, apart from how it looks.

Conventions
    entry   one row of a table, or one submission: what can be picked on the page
    data    what the scripts draw from; plain JSON, fractions in [0, 1]
    facts   how a number was made, in words, for everybody without a script
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from soccerbench.metrics import GroundingStatistics, Interval, SpottingStatistics
from soccerbench.metrics.resampling import percentile, resampled_scores
from soccerbench.report.tables.paper import Grid

Statistics = SpottingStatistics | GroundingStatistics
REPETITIONS = 500
LEVEL = 0.95


@dataclass(frozen=True)
class Entry:
    """One row or submission in words.

    Args:
        name: for people.
        stated: (key, value) as the paper, or the user, says it.
        assumed: (key, value, why) where the paper is silent.
        facts: (what, value): how the numbers were made.
    """

    name: str
    stated: Sequence[tuple[str, str]] = ()
    assumed: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: in one line.
        notes: what a reader must know first, such as that features are simulated.
        grids: tables, in order.
        entries: in words, in the order of `data["entries"]`.
        data: what the scripts draw from.
        figures: (caption, SVG text), drawn by us.
    """

    title: str
    notes: Sequence[str]
    grids: Sequence[Grid]
    entries: Sequence[Entry]
    data: Mapping[str, Any]
    figures: Sequence[tuple[str, str]] = field(default=())


def interval_over_games(seeds: Sequence[Sequence[Statistics]], *, overall: str, rng: np.random.Generator) -> Interval:
    """Where the mean over seeds of the overall score would lie for other games of the kind.

    Args:
        seeds: the statistics of each seed's run, one a game, of the same games in the same order.
        overall: field of the score.
        rng: where the randomness comes from; each resample of the games serves all seeds.
    """
    games = len(seeds[0])
    weights = rng.multinomial(games, np.full(games, 1 / games), size=REPETITIONS).astype(float)
    scores = [resampled_scores(statistics, weights, visibility=False)[overall] for statistics in seeds]
    return percentile(np.mean(scores, axis=0), LEVEL)
