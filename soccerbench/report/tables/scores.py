"""Scores for people: of a submission, of two compared, and of runs over seeds and games; in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S
from soccerbench.report.table import Column, Range, Table, percent, percent_range, table
from soccerbench.scoring.evaluate import Evaluation
from soccerbench.scoring.tasks import TASKS

SIGNIFICANT_P = 0.05
POOR_COVERAGE = 0.9  # of a 95 % interval
REPETITIONS = 500
Line = Mapping[str, Any]


def evaluation_table(evaluation: Evaluation) -> Table[Line]:
    """The table that `evaluate` prints: all games together, and one line a class where the task is scored by class."""
    task, report = evaluation.task, evaluation.report()
    per_tolerance = zip(report["tolerances_s"], report[task.per_tolerance], strict=True)
    by_tolerance = ", ".join(
        f"{delta:g} s {'-' if value is None else f'{100 * value:.2f}'}" for delta, value in per_tolerance
    )
    columns: list[Column[Line]] = [Column(task.metric, lambda line: percent(line["score"]), ".2f")]
    if evaluation.intervals:
        columns.append(_interval_column(report["interval"]))
    if evaluation.classes:
        columns = [Column("Class", lambda line: line["class"]), *columns, *_VISIBILITY]
        lines = _class_lines(evaluation, report)
    else:
        columns += [Column(f"replays {state}", _of(f"replays_{state}"), "d") for state in ("scored", "missing")]
        lines = [{"score": report[task.overall], **report}]
    title = f"{task.title}: {task.metric}, {tolerances_text(report['tolerances_s'])}, %"
    notes = [f"By tolerance: {by_tolerance}.", report["signature"]]
    if evaluation.classes:
        notes.insert(0, "Visible: against events that the broadcast shows; unshown: against the others.")
    return table(title, columns, lines, notes)


def comparison_table(report: Mapping[str, Any]) -> Table[Line]:
    """The differences by class below the verdict.

    Args:
        report: the object of `compare --json`.
    """
    lines = [{**report, "class": "all"}]
    lines += [{**entry, "class": name} for name, entry in report.get("per_class", {}).items()]
    names, metric = report["names"], TASKS[report["task"]].metric
    shown: list[Column[Line]] = [
        Column("Class", _of("class")),
        Column("difference, points", lambda line: percent(line["difference"]), "+.2f"),
        _interval_column(report["interval"]),
        Column("p", _of("p_value"), ".3f"),
    ]
    notes = [f"Difference: {metric} of {names[0]} - {names[1]}; 100 points are a perfect score.", report["signature"]]
    if len(lines) > 1:
        shown.append(Column("p (Holm)", lambda line: line.get("p_value_holm"), ".3f"))
        notes.append("p (Holm) is adjusted for the number of classes: use it to say that a class differs.")
    seeds = report.get("seeds")
    if seeds and len(seeds[0]) == 1:
        notes.append("One seed each: this compares two trained files, not two methods.")
    elif seeds:
        first, second = (", ".join(map(str, side)) for side in seeds)
        notes.append(f"Means over seeds {first} and {second}; seeds and games are both resampled.")
    return table(verdict(report), shown, lines, notes)


def verdict(report: Mapping[str, Any]) -> str:
    """One or two sentences: which is better, by how much, and whether games and seeds show more than chance."""
    difference, p_value, interval, games = (report[key] for key in ("difference", "p_value", "interval", "games"))
    first, second = report["names"]
    if difference is None:
        return "Nothing to compare: there is no event to be found."
    ends = sorted(100 * end if difference >= 0 else -100 * end for end in (interval["low"], interval["high"]))
    known = f"{interval['level']:.0%} interval {Range(*ends):.1f}, p = {p_value:.2g}"
    better, points = (first if difference >= 0 else second), f"{100 * abs(difference):.1f} points"
    limit, coverage = report["smallest_p"], report["interval_coverage"]
    few = f" With {games} games no p below {limit:.2g} is possible." if limit > SIGNIFICANT_P / 10 else ""
    if coverage < POOR_COVERAGE:
        few += f" So few games give an interval that contains the truth in about {coverage:.0%} of cases, not 95 %."
    if difference == 0:
        return f"{first} and {second} score the same ({known})."
    trusted = coverage >= POOR_COVERAGE or "seeds" not in report or len(report["seeds"][0]) == 1
    if p_value < SIGNIFICANT_P and trusted:
        return f"{better} is better by {points} ({known}): a real difference at {games} games.{few}"
    if ends[0] > 0:
        return (
            f"{better} scores {points} more ({known}): the interval excludes zero, "
            f"but {games} games are too few to show a difference.{few}"
        )
    return f"No difference can be shown at {games} games: {better} scores {points} more ({known}).{few}"


def tolerances_text(tolerances_s: Sequence[float]) -> str:
    """The name of a list of tolerances, or its ends."""
    named: dict[tuple[float, ...], str] = {tuple(LOOSE_S): "loose", tuple(TIGHT_S): "tight"}
    return named.get(tuple(tolerances_s), f"tolerances {tolerances_s[0]:g} to {tolerances_s[-1]:g} s")


def _class_lines(evaluation: Evaluation, report: Mapping[str, Any]) -> list[Line]:
    statistics = list(evaluation.statistics.values())
    visible = np.sum([game.events_visible for game in statistics], axis=0)  # (C,)
    unshown = np.sum([game.events_unshown for game in statistics], axis=0)
    lines: list[Line] = [
        {
            "class": "all",
            "score": report["average_map"],
            **{part: report[f"average_map_{part}"] for part in ("visible", "unshown")},
            "interval": report.get("interval"),
            "events": int((visible + unshown).sum()),
            "not shown": int(unshown.sum()),
        }
    ]
    for place, name in enumerate(evaluation.classes):
        lines.append({
            "class": name,
            "score": report["per_class"][name],
            **{part: report[f"per_class_{part}"][name] for part in ("visible", "unshown")},
            "interval": report.get("interval_per_class", {}).get(name),
            "events": int(visible[place] + unshown[place]),
            "not shown": int(unshown[place]),
        })  # fmt: skip
    return lines


def _of(key: str) -> Any:
    return lambda line: line[key]


def _interval_column(interval: Mapping[str, Any]) -> Column[Line]:
    def ends(line: Line) -> Range | None:
        found = line["interval"]
        return None if line.get("p_value", 0) is None else percent_range(found["low"], found["high"])

    return Column(f"{interval['level']:.0%} interval", ends, ".2f")


_VISIBILITY: tuple[Column[Line], ...] = (
    Column("visible", lambda line: percent(line["visible"]), ".2f"),
    Column("unshown", lambda line: percent(line["unshown"]), ".2f"),
    Column("events", _of("events"), "d"),
    Column("not shown", _of("not shown"), "d"),
)
