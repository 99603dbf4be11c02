"""What finished runs say about the paper's claims: a measured number, its interval, and a verdict.

Conventions
    interval  95 %, paired over games, and over seeds where both rows have several; of a score over games
    holds     a gain: the interval is above zero and meets what is stated; otherwise: it is within the margin
    does not  the interval misses what is stated, or zero and all above it
    cannot be decided  neither of the two, or there is nothing to measure with
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soccerbench.errors import InputError
from soccerbench.experiments.compare_runs import compare_runs
from soccerbench.experiments.results import Key, Run, by_row, finished_runs
from soccerbench.progress import Progress, silent
from soccerbench.report.measured import interval_over_games
from soccerbench.report.table import Range
from soccerbench.scoring.tasks import TASKS
from soccerbench.specs.base import Scored
from soccerbench.specs.claims import Claim, Claims, Pair
from soccerbench.specs.features import load_features

HOLDS, FAILS, UNKNOWN, UNRELEASED = "holds", "does not hold", "cannot be decided", "not reproducible from the release"
REPETITIONS = 500


@dataclass(frozen=True)
class Judged:
    """One pair of rows on one split."""

    claim: Claim  # whose pair it is
    pair: Pair | None  # the rows; None for a claim without any
    scored: Scored | None  # split and tolerances
    points: float | None  # measured difference or score, in per cent; None without
    interval: Range | None  # of it, in per cent
    verdict: str  # one of those above
    reason: str  # why nothing was measured; else how a claim fails, and the games and seeds of the interval
    coverage: float | None = None  # share of such intervals that contain the truth in simulations; None: not known


def judge(
    claims: Claims, runs: Path, *, dataset: str | None, repetitions: int = REPETITIONS, progress: Progress = silent
) -> tuple[str, bool, list[Judged]]:
    """The name of the dataset, whether it is simulated, and every claim with what the runs show, one a pair and split.

    Only runs on `dataset` count; None if all are of one.
    """
    found = by_row(finished_runs(runs))
    names = sorted({name for name, _, _ in found})
    if dataset is None and len(names) > 1:
        raise InputError(runs, f"holds runs on {', '.join(names)}", "choose one with --data")
    name = dataset or (names[0] if names else "no data")
    simulated = any(members[0].result.simulated for key, members in found.items() if key[0] == name)
    lines, total = [], sum(max(len(pair.scored), 1) for claim in claims.sentences for pair in claim.pairs)
    pairs = ((claim, pair) for claim in claims.sentences for pair in claim.pairs or (None,))
    for claim, pair, scored in ((*one, scored) for one in pairs for scored in (one[1].scored if one[1] else (None,))):
        lines.append(_measure(claims, claim, pair, scored, found, name, simulated, repetitions))
        progress("pairs", len(lines), total)
    return name, simulated, lines


def _measure(
    claims: Claims,
    claim: Claim,
    pair: Pair | None,
    scored: Scored | None,
    found: Mapping[Key, list[Run]],
    dataset: str,
    simulated: bool,
    repetitions: int,
) -> Judged:
    def without(verdict: str, reason: str) -> Judged:
        return Judged(claim, pair, scored, None, None, verdict, reason)

    if pair is None or scored is None:
        return without(UNRELEASED, claim.note or "")
    split, _, tolerances = scored.partition(" ")
    missing = [row for row in pair.rows if (dataset, pair.table, row) not in found]
    unreleased = dict.fromkeys(name for row in pair.specs() for name in row.blocks if not _released(name))
    if missing and unreleased and not simulated:
        return without(UNRELEASED, f"needs features that were never released: {', '.join(unreleased)}")
    if missing:
        rows, data = ",".join(map(str, sorted(missing))), " --data mini" if dataset == "mini" else ""
        return without(UNKNOWN, f"missing: soccerbench reproduce {pair.table} --rows {rows}{data}")
    sides = [found[dataset, pair.table, row] for row in pair.rows]
    for row, runs in zip(pair.rows, sides, strict=True):
        if not runs[0].result.scores.get(split):
            seen = split in runs[0].result.scores
            return without(UNKNOWN, f"row {row}: " + (f"has seen {split}" if seen else f"no labels of {split} here"))
    points, interval, reason, coverage = _number(sides, split, tolerances or "loose", repetitions)
    decided = verdict(claims, claim, interval)
    if decided == FAILS:
        reason = f"{_difference(claim, interval)}; {reason}"
    return Judged(claim, pair, scored, points, interval, decided, reason, coverage)


def _difference(claim: Claim, interval: Range) -> str:
    """How an interval differs from a claim that does not hold."""
    if claim.stated is None:
        return "no gain" if claim.kind == "gain" else "differs by more than the margin"
    highest = claim.stated[1] if isinstance(claim.stated, tuple) else claim.stated
    return "more than stated" if interval.low > highest else "less than stated"


def _number(
    sides: list[list[Run]], split: str, tolerances: str, repetitions: int
) -> tuple[float, Range, str, float | None]:
    """The difference of two rows, or the score of one; its interval, of how many games and seeds, and its coverage."""
    folders = [runs[0].folder if len(runs) == 1 else runs[0].folder.parent for runs in sides]
    if len(sides) == 2:
        seeds = [len(runs) for runs in sides]
        if min(seeds) == 1 < max(seeds):  # one seed of each
            folders = [runs[0].folder for runs in sides]
        report = compare_runs(a=folders[0], b=folders[1], split=split, tolerances=tolerances, repetitions=repetitions)
        ends = report.interval
        low, high = (100 * (end or 0.0) for end in (ends.low, ends.high))
        said = f"{report.games} games, {min(seeds)} seeds"
        return 100 * (report.difference or 0.0), Range(low, high), said, report.interval_coverage
    runs = sides[0]
    overall = TASKS[(runs[0].result.scores[split] or {})[tolerances].task].overall
    values = [getattr((run.result.scores[split] or {})[tolerances], overall) for run in runs]
    found = interval_over_games([run.statistics(split, tolerances) for run in runs], overall=overall)
    games = len(runs[0].result.games[split][tolerances])
    return 100 * float(np.mean(values)), Range(*(100 * end for end in found)), f"{games} games, {len(runs)} seeds", None


def verdict(claims: Claims, claim: Claim, interval: Range) -> str:
    """Whether an interval, in points, agrees with a claim."""
    if claim.kind == "gain":
        stated = claim.stated if isinstance(claim.stated, tuple) else (0.0, np.inf)
        if interval.high <= 0 or interval.high < stated[0] or interval.low > stated[1]:
            return FAILS
        return HOLDS if interval.low > 0 else UNKNOWN
    margin = claims.margins[claim.kind].points
    centre = claim.stated if isinstance(claim.stated, float) else 0.0
    if interval.low > centre + margin or interval.high < centre - margin:
        return FAILS
    return HOLDS if centre - margin <= interval.low and interval.high <= centre + margin else UNKNOWN


def _released(block: str) -> bool:
    known = load_features().blocks
    return block in known and known[block].released
