"""Scores and comparisons for people: per cent, one line a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from soccerbench.report.tables.paper import Grid
from soccerbench.scoring.evaluate import Evaluation

SURE = 0.05


def evaluation_grid(evaluation: Evaluation) -> Grid:
    """The table that `evaluate` prints."""
    return _spotting_grid(evaluation) if evaluation.classes else _grounding_grid(evaluation)


def comparison_grid(report: Mapping[str, Any]) -> Grid:
    """The table of differences by class under the verdict; `report` is the object of `compare --json`."""
    lines = [_difference_cells("all", report)]
    lines += [_difference_cells(name, entry) for name, entry in report.get("per_class", {}).items()]
    header = ("", "A - B, points", _interval_title(report["interval"]), "p")
    notes = [report["signature"]]
    if "seeds" in report:
        notes.append(f"Means over seeds {', '.join(map(str, report['seeds']))}, each compared with itself.")
    if len(lines) > 1:
        notes.append("Of 17 classes one is expected below p = 0.05 by chance alone.")
    return Grid(verdict(report), header, tuple(lines), tuple(notes))


def verdict(report: Mapping[str, Any]) -> str:
    """One sentence: which submission is better, by how much, and whether that is more than chance."""
    difference, p_value, interval, games = (report[key] for key in ("difference", "p_value", "interval", "games"))
    if difference is None:
        return "Nothing to compare: there is no event to be found."
    low, high = (end if difference >= 0 else -end for end in (interval["low"], interval["high"]))
    low, high = min(low, high), max(low, high)
    sure = f"{interval['level']:.0%} interval {100 * low:.1f} to {100 * high:.1f}, p = {p_value:.2g}"
    better, points = ("A" if difference >= 0 else "B"), f"{100 * abs(difference):.1f} points"
    if difference == 0:
        return f"A and B score the same ({sure})."
    if p_value < SURE:
        return f"{better} is better by {points} ({sure}): a real difference at {games} games."
    return f"No difference can be shown at {games} games: {better} scores {points} more ({sure})."


def _spotting_grid(evaluation: Evaluation) -> Grid:
    report = evaluation.report()
    statistics = list(evaluation.statistics.values())
    seen = np.sum([game.events_visible for game in statistics], axis=0)  # (C,)
    unseen = np.sum([game.events_unshown for game in statistics], axis=0)
    header = ["Class", evaluation.task.metric, "visible", "unshown", "events", "not shown"]
    overall = ["all", *(_percent(report[f"average_map{part}"]) for part in ("", "_visible", "_unshown"))]
    lines = [[*overall, str((seen + unseen).sum()), str(unseen.sum())]]
    for place, name in enumerate(evaluation.classes):
        scores = [_percent(report[f"per_class{part}"][name]) for part in ("", "_visible", "_unshown")]
        lines.append([name, *scores, str(seen[place] + unseen[place]), str(unseen[place])])
    if "interval" in report:
        intervals = [report["interval"], *report["interval_per_class"].values()]
        header.insert(2, _interval_title(report["interval"]))
        for line, interval in zip(lines, intervals, strict=True):
            line.insert(2, _ends(interval))
    return Grid(
        f"{evaluation.task.title}, per cent",
        tuple(header),
        tuple(map(tuple, lines)),
        _notes(report, evaluation.task.per_tolerance),
    )


def _grounding_grid(evaluation: Evaluation) -> Grid:
    report = evaluation.report()
    header = [evaluation.task.metric, "replays scored", "replays missing"]
    line = [_percent(report["average_ap"]), str(report["replays_scored"]), str(report["replays_missing"])]
    if "interval" in report:
        header.insert(1, _interval_title(report["interval"]))
        line.insert(1, _ends(report["interval"]))
    return Grid(
        f"{evaluation.task.title}, per cent",
        tuple(header),
        (tuple(line),),
        _notes(report, evaluation.task.per_tolerance),
    )


def _notes(report: Mapping[str, Any], measure: str) -> tuple[str, ...]:
    pairs = zip(report["tolerances_s"], report[measure], strict=True)
    by_tolerance = ", ".join(f"{delta:g} s {_percent(value)}" for delta, value in pairs)
    return (f"By tolerance: {by_tolerance}.", report["signature"])


def _difference_cells(name: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    if entry["difference"] is None:
        return (name, "-", "-", "-")
    return (name, f"{100 * entry['difference']:+.2f}", _ends(entry["interval"]), f"{entry['p_value']:.3f}")


def _interval_title(interval: Mapping[str, Any]) -> str:
    return f"{interval['level']:.0%} interval"


def _ends(interval: Mapping[str, Any]) -> str:
    return "-" if interval["low"] is None else f"{100 * interval['low']:.2f} to {100 * interval['high']:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
