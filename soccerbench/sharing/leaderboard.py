"""A leaderboard of many people's results as one static HTML page without scripts.

Conventions
    folder      one folder a person, with runs anywhere below it, such as `pull` or `reproduce` wrote them
    who         the name of that folder
    untrusted   all names are shown as text; symbolic links are not followed. A run that cannot be used, or whose scores
                do not follow from its games, is listed below the tables and not in them
    re-scored   predictions are scored again where labels are given and the run has its zip: that score is shown
    comparable  one table for each dataset, metric and signature without version; the highest score is first
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.experiments.results import RESULT, Run, by_row, read_result
from soccerbench.metrics.resampling import LEVEL
from soccerbench.report.html.render import TEMPLATES as REPORT
from soccerbench.report.html.render import self_contained
from soccerbench.report.measured import DAMAGED, EQUAL, Measured, faults, measure_split
from soccerbench.report.table import Column, Table, percent, percent_range, table
from soccerbench.scoring.evaluate import evaluate
from soccerbench.soccernet.archive import MAX_BYTES

TEMPLATES = Path(__file__).parent / "templates"
RESCORED, SUMMED = "re-scored", "from its games"


@dataclass(frozen=True)
class Line:
    """One score of one person."""

    who: str  # name of the person's folder
    how: str  # RESCORED or SUMMED
    score: Measured  # what was measured


def leaderboard(folder: Path, *, labels: Path | None = None, say: Callable[[str], None]) -> bytes:
    """The page; predictions are scored again where labels, a folder or zip, are given."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "give a folder with one folder a person")
    lines: list[Line] = []
    left_out: list[str] = []
    for person in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        found, wrong = _of_person(person, labels)
        lines += found
        left_out += [f"{person.name}: {text}" for text in wrong]
        say(f"{person.name}: {len(found)} scores, {len(wrong)} left out")
    if not lines:
        problem = f"holds no run that can be used ({left_out[0]})" if left_out else "holds no finished run"
        raise InputError(folder, problem, "put each person's runs into a folder of theirs")
    return self_contained(
        TEMPLATES / "leaderboard.html", styles=[REPORT / "report.css"], scripts=[], data={}, media="",
        title="soccerbench leaderboard", tables=list(_tables(lines)), left_out=left_out,
    )  # fmt: skip


def _of_person(person: Path, labels: Path | None) -> tuple[list[Line], list[str]]:
    """The scores of a person, and what was left out and why."""
    runs, wrong = [], []
    for file in sorted(person.rglob(RESULT)):
        name = file.relative_to(person).as_posix()
        if any(part.is_symlink() for part in (file, *file.parents) if part.is_relative_to(person)):
            continue
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InputError(file, f"is larger than {MAX_BYTES} bytes", "leave it out")
            run = Run(file.parent, read_result(file), ())
            found = faults(run)
        except (InputError, *DAMAGED) as error:
            found = [getattr(error, "problem", type(error).__name__)]
        if found:
            wrong.append(f"{name}: {found[0]}")
        else:
            runs.append(run)
    try:
        rows = by_row(runs)
    except InputError as error:
        return [], [*wrong, f"{error.path.relative_to(person).as_posix()}: {error.problem}"]
    each = [_of_row(person.name, members, labels) for members in rows.values()]
    return [line for lines, _ in each for line in lines], [*wrong, *(text for _, found in each for text in found)]


def _of_row(who: str, members: Sequence[Run], labels: Path | None) -> tuple[list[Line], list[str]]:
    """The scores of a row, or why it is left out."""
    try:
        return list(_lines(who, members, labels)), []
    except (InputError, *DAMAGED) as error:
        return [], [f"{members[0].result.title}: {getattr(error, 'problem', type(error).__name__)}"]


def _lines(who: str, members: Sequence[Run], labels: Path | None) -> Iterable[Line]:
    for split, scores in members[0].result.scores.items():
        zips = [_zip_of(run, split) for run in members]
        for tolerances in scores or {}:
            statistics: list[Sequence[Any]] = [run.statistics(split, tolerances) for run in members]
            again = labels is not None and all(zips)
            if again:
                statistics = [
                    _rescored(run, split, tolerances, labels, file)
                    for run, file in zip(members, zips, strict=True)
                    if labels and file
                ]
            yield Line(who, RESCORED if again else SUMMED, measure_split(members, split, tolerances, statistics))


def _zip_of(run: Run, split: str) -> Path | None:
    """The zip of a run's predictions, if it is a file in the run's folder."""
    name = run.result.submissions.get(split, "")
    file = run.folder / name
    return file if Path(name).name == name and name and file.is_file() and not file.is_symlink() else None


def _rescored(run: Run, split: str, tolerances: str, labels: Path, file: Path) -> list[Any]:
    """The statistics of a run's predictions, scored again."""
    report: Any = (run.result.scores[split] or {})[tolerances]
    found = evaluate(
        task=report.task, labels=labels, predictions=file, split=split, tolerances=report.tolerances_s,
        protocol=report.protocol,
    )  # fmt: skip
    score, reported = float(getattr(found.score, found.task.overall)), getattr(report, found.task.overall)
    if abs(score - reported) > EQUAL:
        problem = f"{split}, {tolerances}: reports {100 * reported:.2f} %, its predictions score {100 * score:.2f} %"
        raise InputError(run.folder, problem, "ask for the predictions of these results")
    return list(found.statistics.values())


def _tables(lines: Sequence[Line]) -> Iterable[Table[Line]]:
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        score = line.score
        simulated = "simulated features" if score.simulated else ""
        key = (score.dataset, simulated, score.split, score.unit, score.comparable)
        groups.setdefault(key, []).append(line)
    columns: list[Column[tuple[int, Line]]] = [
        Column("Rank", lambda item: item[0], "d"),
        Column("Who", lambda item: item[1].who),
        Column("Row", lambda item: item[1].score.title),
        Column("Published", lambda item: percent(item[1].score.published), ".2f"),
        Column("Measured", lambda item: item[1].score.mean, ".2f"),
        Column(f"{LEVEL:.0%} interval", lambda item: percent_range(item[1].score.low, item[1].score.high), ".2f"),
        Column("Seeds", lambda item: len(item[1].score.seeds), "d"),
        Column("Score is", lambda item: item[1].how),
        Column("Data", lambda item: item[1].score.data_fingerprint[:8]),
    ]
    for (dataset, simulated, split, unit, comparable), members in sorted(groups.items()):
        ranked = sorted(members, key=lambda line: (-line.score.score, line.who, line.score.title))
        title = ", ".join(part for part in (dataset, simulated, split, unit) if part)
        drawn: Any = table(title, columns, list(enumerate(ranked, 1)), (f"Signature: {comparable}",))
        yield drawn
