"""What `data verify` found, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from soccerbench.features.findings import Report
from soccerbench.report.tables.paper import Grid

HEADER = ("split", "file", "type", "checksums", "halves", "rows", "GB", "problems")
PROBLEMS_SHOWN = 40


def verification_json(report: Report) -> dict[str, Any]:
    """Everything that was found."""
    return {
        "root": str(report.root),
        "ok": report.ok,
        "files": [asdict(file) | {"dtypes": sorted(file.dtypes)} for file in report.files],
        "problems": [asdict(problem) for problem in report.problems],
        "notes": report.notes,
        "bytes": sum(file.nbytes for file in report.files),
        "seconds": round(report.seconds, 3),
    }


def verification_grid(report: Report) -> Grid:
    """A line a split and file, and the problems below."""
    lines = []
    for file in report.files:
        count = sum((problem.split, problem.file) == (file.split, file.file) for problem in report.problems)
        known = {file.halves: "all", 0: "none"}.get(file.checksums, str(file.checksums))
        kinds = ", ".join(sorted(file.dtypes))
        numbers = (str(file.halves), str(file.rows), f"{file.nbytes / 1e9:.2f}", str(count))
        lines.append((file.split, file.file, kinds, known, *numbers))
    notes = []
    for problem in report.problems[:PROBLEMS_SHOWN]:
        parts = (problem.split, problem.game, problem.half and f"half {problem.half}", problem.file)
        place = ", ".join(str(part) for part in parts if part)
        notes.append(": ".join(part for part in (problem.check, place, problem.problem) if part))
    left = len(report.problems) - PROBLEMS_SHOWN
    notes += [f"and {left} more; --json has all of them"] if left > 0 else []
    notes += [f"note: {note}" for note in report.notes]
    size = sum(file.nbytes for file in report.files) / 1e9
    speed = f"{size:.2f} GB in {report.seconds:.1f} s, {size / max(report.seconds, 1e-9):.2f} GB/s"
    verdict = "verified" if report.ok else f"{len(report.problems)} problems"
    return Grid(f"{report.root}: {verdict} ({speed})", HEADER, tuple(lines), tuple(notes))
