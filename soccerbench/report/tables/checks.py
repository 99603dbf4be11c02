"""What `check`, `data verify`, `extract`, `finetune` and `snippets` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soccerbench.errors import counted, grouped
from soccerbench.experiments.drift import Movement, RowCheck
from soccerbench.experiments.results import Accuracy
from soccerbench.features.verify import FileReport, Report
from soccerbench.report.table import Column, Table, percent, table, tuple_columns

if TYPE_CHECKING:
    from soccerbench.video.extraction.half import Outcome

PROBLEMS_SHOWN = 40


def drift_table(checks: Sequence[RowCheck]) -> Table[tuple[Any, ...]]:
    """One line for each measure that moved and for each problem; the others are counted below. Drift comes first."""
    lines: list[tuple[Any, ...]] = []
    for check in checks:
        lines += [(check.title, problem, "", "", "", "drift") for problem in check.problems]
        lines += [(check.title, *_drift_cells(movement)) for movement in check.movements if movement.moved]
    lines.sort(key=lambda line: line[-1] != "drift")
    measures = [movement for check in checks for movement in check.movements]
    same, seeds = sum(not movement.moved for movement in measures), sum(len(check.seeds) for check in checks)
    notes = [f"{same} of {len(measures)} measures of {len(checks)} rows ({seeds} runs) are as recorded."]
    notes += [f"{check.title}: {', '.join(check.notes)} than its record." for check in checks if check.notes]
    number = ".6g"
    columns = tuple_columns(
        ("Row", None), ("Measure", None), ("Record", number), ("Now", number), ("Bands", ".2f"), ("", None)
    )
    return table("Drift" if any(check.drifted for check in checks) else "No drift", columns, lines, notes)


def _drift_cells(movement: Movement) -> tuple[Any, ...]:
    values: list[Any] = [movement.recorded, movement.measured]
    if movement.measure.endswith(("loose", "tight")):
        values = [f"{100 * value:.2f} %" for value in values]
    bands = movement.bands if movement.bands < 1000 else "over 1000"
    return movement.measure, *values, bands, "drift" if movement.drifted else "within"


def record_lines(checks: Sequence[RowCheck], runs: Path) -> list[str]:
    """Whether the rows of a finished table match the committed records, for people."""
    known = [check for check in checks if check.seeds]
    if not known:
        return ["No committed record for this data, these rows and seeds: nothing to compare with."]
    drifted = [check.row for check in known if check.drifted]
    if drifted:
        rows = ", ".join(map(str, drifted))
        return [f"Rows that differ from the committed record: {rows}. `soccerbench check {runs}` shows where."]
    moved = any(movement.moved for check in known for movement in check.movements)
    how = "within the spread over seeds" if moved else "exactly"
    return [f"The numbers of {len(known)} of {len(checks)} rows match the committed record {how}."]


def verification_json(report: Report) -> dict[str, Any]:
    """The object that `data verify --json` prints."""
    return {
        "root": str(report.root),
        "ok": report.ok,
        "files": [asdict(file) | {"dtypes": sorted(file.dtypes)} for file in report.files],
        "problems": [asdict(problem) for problem in report.problems],
        "notes": report.notes,
        "bytes": sum(file.nbytes for file in report.files),
        "seconds": round(report.seconds, 3),
    }


def verification_table(report: Report) -> Table[FileReport]:
    """A line a split and file, and the problems below."""
    places = [(problem.split, problem.file) for problem in report.problems]
    columns: list[Column[FileReport]] = [
        Column("split", lambda file: file.split),
        Column("file", lambda file: file.file),
        Column("type", lambda file: ", ".join(sorted(file.dtypes))),
        Column("checksums", lambda file: {file.halves: "all", 0: "none"}.get(file.checksums, file.checksums), "d"),
        Column("halves", lambda file: file.halves, "d"),
        Column("rows", lambda file: file.rows, "d"),
        Column("GB", lambda file: file.nbytes / 1e9, ".2f"),
        Column("problems", lambda file: places.count((file.split, file.file)), "d"),
    ]
    notes = []
    groups = grouped(report.problems, key=lambda one: f"{one.check} {one.split} {one.file} {one.problem}")
    for problem, count in groups[:PROBLEMS_SHOWN]:
        parts = (problem.split, problem.game, problem.half and f"half {problem.half}", problem.file)
        place = ", ".join(str(part) for part in parts if part)
        said = ": ".join(part for part in (problem.check, place, problem.problem) if part)
        notes.append(said if count == 1 else f"{said} (and {count - 1} more like it)")
    left = sum(count for _, count in groups[PROBLEMS_SHOWN:])
    notes += [f"and {left} more"] if left else []
    notes += ["--json has all of them"] if len(groups) < len(report.problems) or left else []
    notes += [f"note: {note}" for note in report.notes]
    size = sum(file.nbytes for file in report.files) / 1e9
    speed = f"{size:.2f} GB in {report.seconds:.1f} s, {size / max(report.seconds, 1e-9):.2f} GB/s"
    verdict = "verified" if report.ok else counted(len(report.problems), "problem")
    return table(f"{report.root}: {verdict} ({speed})", columns, report.files, notes)


def extraction_table(title: str, results: Sequence[Outcome], doubts: Sequence[str]) -> Table[tuple[Any, ...]]:
    """Halves, rows and seconds by outcome; failures and doubts below."""
    lines = []
    for state in ("done", "there", "failed"):
        found = [result for result in results if result.state == state]
        rows, seconds = sum(result.rows for result in found), sum(result.seconds for result in found)
        lines.append((state, len(found), rows, seconds or None, rows / seconds if seconds else None))
    columns = tuple_columns(("halves", None), ("count", "d"), ("rows", "d"), ("seconds", ".1f"), ("rows/s", ".3g"))
    notes = [f"failed: {result.game}, half {result.half}: {result.text}" for result in results if result.text]
    return table(title, columns, lines, [*notes, *(f"doubt: {doubt}" for doubt in doubts)])


def status_table(
    title: str, halves: Mapping[str, int], rows: Mapping[str, int], rows_per_s: float | None, left_s: float | None
) -> Table[tuple[Any, ...]]:
    """Halves and hours of video by state, and when all will be done."""
    lines = [(state, count, rows[state], rows[state] / 3600) for state, count in halves.items()]
    columns = tuple_columns(("halves", None), ("count", "d"), ("rows", "d"), ("hours of video", ".1f"))
    if rows_per_s is None or left_s is None:
        return table(title, columns, lines, ["How fast: not known before two halves are done."])
    end = (datetime.now(timezone.utc).astimezone() + timedelta(seconds=left_s)).strftime("%Y-%m-%d %H:%M")
    note = (
        f"{rows_per_s:.3g} rows/s, that is {rows_per_s:.3g} × real time; all done in {left_s / 3600:.1f} h, at {end}."
    )
    return table(title, columns, lines, [note])


def accuracy_table(record: Accuracy, *, title: str, folder: Path) -> Table[tuple[Any, ...]]:
    """A line a class, and one for all: snippets and top-1 accuracy, split by split."""
    splits = record.splits
    lines: list[tuple[Any, ...]] = []
    for place, name in enumerate(record.classes):
        cells = ((sum(split.confusion[place]), percent(split.per_class[name])) for split in splits.values())
        lines.append((name, *chain.from_iterable(cells)))
    overall = ((split.snippets, percent(split.top1)) for split in splits.values())
    lines.append(("all", *chain.from_iterable(overall)))
    pairs = (((f"{split} snippets", "d"), (f"{split} top-1", ".1f")) for split in splits)
    columns = tuple_columns(("class", None), *chain.from_iterable(pairs))
    notes = [f"{record.trained_on} training snippets, {record.labels} labels; one view a snippet. {folder}"]
    if record.started_from is not None:
        notes.append(f"Started from {record.started_from}.")
    if record.simulated:
        notes.append("Simulated videos: these numbers are not comparable with the paper's.")
    return table(f"{title} on {record.dataset}: top-1 accuracy, %", columns, lines, notes)


def snippets_table(
    title: str, counts: Mapping[str, Mapping[str, int]], ambiguous: Mapping[str, int]
) -> Table[tuple[Any, ...]]:
    """A line a class, a column a split, and their sums.

    Args:
        counts: split -> class -> snippets, the same classes in each.
        ambiguous: split -> how many of these are ambiguous.
    """
    classes = next(iter(counts.values()), {})
    lines: list[tuple[Any, ...]] = [(name, *(found[name] for found in counts.values())) for name in classes]
    lines.append(("all", *(sum(found.values()) for found in counts.values())))
    lines.append(("of them ambiguous", *(ambiguous.get(split, 0) for split in counts)))
    return table(title, tuple_columns(("class", None), *((split, "d") for split in counts)), lines)
