"""Finished runs on disk: `result.json` or, of a fine-tuning, `accuracy.json`, and how to find them.

Conventions
    version   of the format; a file without one is of version 1
    splits    "test" and "challenge"; tolerances "loose" and "tight"
    counts    what each game contributes to a score, see `metrics.statistics`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import orjson
from pydantic import BaseModel, Field, JsonValue, ValidationError, field_validator, model_validator
from typing_extensions import Self

from soccerbench.errors import InputError, first_error
from soccerbench.files import walked
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics
from soccerbench.scoring.schema import (
    Fraction,
    GroundingCounts,
    GroundingScores,
    PerClass,
    Report,
    SpottingCounts,
    SpottingScores,
)
from soccerbench.training.history import HISTORY, Epoch, read_history

RESULT, ACCURACY = "result.json", "accuracy.json"
REMEDY = "run its row again with --force"

Scores = SpottingScores | GroundingScores
Counts = SpottingCounts | GroundingCounts
Statistics = SpottingStatistics | GroundingStatistics
Key = tuple[str, str, int]
ReportT = TypeVar("ReportT", bound=Report)
Size = Annotated[int, Field(ge=0, lt=2**53)]


class _Step(BaseModel):
    """What reports read of a step of post-processing."""

    step: str
    decay: str | None = None
    before_s: float = 0
    window_s: float | list[float] = 0
    factor: float | list[float] = 0
    above: float | list[float] = 0


class _Printed(BaseModel):
    """What reports read of a row; the rest of it may be of another version."""

    task: Literal["spotting", "grounding"]
    row: int
    features: str
    head: str
    mode: str
    mega: bool
    name: str | None = None
    chunk_s: float = 0
    nms_s: float | None = None
    postprocess: tuple[_Step, ...] = ()
    assumed: dict[str, str]
    left_open: dict[str, str] = {}
    changed: tuple[str, ...]
    published: dict[str, JsonValue]
    published_in: str | None = None

    @model_validator(mode="after")
    def _has_a_setup(self) -> Self:
        if not self.nms_s and "postprocess" not in self.model_fields_set:
            raise ValueError("nms_s or postprocess is needed")
        return self


class Result(Report):
    """The content of `result.json`.

    Attributes:
        spec: the row, as plain data.
        digest: of the spec.
        model: what the weights depend on, where rows share them.
        scores: split -> tolerances -> scores; null for a split that the head or its features have seen.
        submissions: split -> the zip of its predictions, in the run's folder.
        games: split -> tolerances -> game -> its counts.
        data_fingerprint: of labels and features.
        code: hash of the code that makes the numbers.
        seconds: of training, predicting and scoring, in all sessions.
    """

    version: Literal[1] = 1
    table: str
    row: int
    seed: int
    dataset: str
    simulated: bool
    spec: dict[str, JsonValue]
    digest: str
    model: str | None = None
    scores: dict[str, dict[str, Scores] | None]
    submissions: dict[str, str]
    games: dict[str, dict[str, dict[str, Counts]]]
    data_fingerprint: str
    code: str
    versions: dict[str, str]
    device: str
    threads: int | None = None
    seconds: float
    peak_memory_bytes: int | None = None

    @field_validator("spec")
    @classmethod
    def _can_be_printed(cls, spec: dict[str, JsonValue]) -> dict[str, JsonValue]:
        _Printed.model_validate(spec)
        return spec

    @model_validator(mode="after")
    def _counts_of_its_scores(self) -> Self:
        scored = {split: {*scores} for split, scores in self.scores.items() if scores is not None}
        if scored != {split: {*counted} for split, counted in self.games.items()}:
            raise ValueError("games: not of the splits and tolerances of scores")
        return self

    @property
    def title(self) -> str:
        """Table, row, features and head, for people."""
        spec = self.spec
        parts = [spec["features"], "mega" if spec["mega"] else "", spec["head"]]
        parts += ["ultra" if spec["mode"] == "ultra" else "", f"({spec['name']})" if spec.get("name") else ""]
        return f"{self.table} row {self.row}: {' '.join(str(part) for part in parts if part)}"


class SplitAccuracy(Report):
    """The accuracy on the snippets of one split; `confusion` has a row a true class, a column a predicted one."""

    snippets: Size
    top1: Fraction
    per_class: PerClass
    confusion: list[list[Size]]


class Accuracy(Report):
    """The content of `accuracy.json`, the record of a fine-tuned video model.

    Attributes:
        labels: "shuffled" for the control.
        view: what is cut out of a snippet.
        top1: on the test split; null where it has no snippets.
        per_class: the same, by class.
        trained_on: snippets.
        spec: the model, as plain data.
        identity: what the outcome depends on, as in `identity.json`.
        started_from: the weights that training began with: the file's name, its network and layout, and what was fresh;
            null in records of versions that did not say.
        resumed_after_epoch: the seconds are those since then.
    """

    version: Literal[1] = 1
    model: str
    dataset: str
    simulated: bool
    seed: Size
    labels: Literal["annotated", "shuffled"]
    started_from: str | None = None
    view: str
    top1: Fraction
    per_class: PerClass
    splits: dict[Literal["valid", "test"], SplitAccuracy]
    trained_on: Size
    classes: tuple[str, ...]
    spec: dict[str, JsonValue]
    digest: str
    identity: dict[str, str]
    versions: dict[str, str]
    device: str
    threads: int
    resumed_after_epoch: int
    seconds: float
    processor_seconds: float
    peak_memory_bytes: int

    @model_validator(mode="after")
    def _of_the_same_classes(self) -> Self:
        if self.splits.keys() != {"valid", "test"}:
            raise ValueError("splits: not valid and test")
        for name, split in self.splits.items():
            rows = split.confusion
            if sum(map(sum, rows)) != split.snippets or (split.top1 is None) != (split.snippets == 0):
                raise ValueError(f"splits.{name}: not of its {split.snippets} snippets")
            if [len(self.classes)] * (len(self.classes) + 1) != [len(rows), *map(len, rows)] or {*split.per_class} != {
                *self.classes
            }:
                raise ValueError(f"splits.{name}: not of the {len(self.classes)} classes")
        return self

    @property
    def settings(self) -> tuple[str, ...]:
        """What was set otherwise than in the table."""
        changed = self.spec.get("changed")
        return tuple(map(str, changed)) if isinstance(changed, list) else ()


@dataclass(frozen=True)
class Run:
    """One finished run."""

    folder: Path
    result: Result
    history: tuple[Epoch, ...]  # one item an epoch; empty for a row that is not trained

    @property
    def key(self) -> Key:
        """Dataset, table and row: what runs of several seeds share."""
        return self.result.dataset, self.result.table, self.result.row

    def statistics(self, split: str, tolerances: str) -> list[Statistics]:
        """What each game of a split contributes to the score."""
        return [
            (SpottingStatistics if isinstance(counts, SpottingCounts) else GroundingStatistics).from_json(dict(counts))
            for counts in self.result.games[split][tolerances].values()
        ]


def read_result(file: Path) -> Result:
    """A `result.json`.

    Raises:
        InputError: no JSON, or not a result.
    """
    return read_report(file, Result, what="result", remedy=REMEDY)


def read_accuracy(file: Path) -> Accuracy:
    """An `accuracy.json`.

    Raises:
        InputError: no JSON, or not what a fine-tuning writes.
    """
    return read_report(file, Accuracy, what="record of a fine-tuning", remedy="run it again with --force")


def read_report(file: Path, kind: type[ReportT], *, what: str, remedy: str) -> ReportT:
    """A JSON file of a typed object."""
    try:
        return kind.model_validate(orjson.loads(file.read_bytes()))
    except ValidationError as error:
        absent = [one["loc"] for one in error.errors() if one["type"] == "missing"]
        missing = sorted(str(loc[0]) for loc in absent if len(loc) == 1)
        problem = f"lacks {', '.join(missing)}" if missing else f"is not a {what}: {first_error(error)}"
        raise InputError(file, problem, remedy) from None
    except (orjson.JSONDecodeError, OSError) as error:
        raise InputError(file, f"is not a {what} ({error})", remedy) from None


def read_runs(folder: Path) -> list[Run]:
    """Every finished run in a folder and below, by dataset, table, row and seed."""
    runs = finished_runs(folder)
    if not runs:
        problem = "holds no finished run" if folder.exists() else "no such folder"
        raise InputError(folder, problem, "give the --out folder of `soccerbench reproduce`")
    return runs


def finished_runs(folder: Path) -> list[Run]:
    """As `read_runs`, or none. Links to folders elsewhere are followed; each run is there once."""
    found = [
        Run(place, read_result(place / RESULT), read_history(place / HISTORY))
        for place, files in walked(folder)
        if RESULT in files and re.fullmatch(r"seed-\d+", place.name)
    ]
    return sorted(found, key=lambda run: (*run.key, run.result.seed))


def runs_of_one_row(folder: Path) -> list[Run]:
    """The runs in a folder and below, one a seed of one row."""
    rows = list(by_row(read_runs(folder)).values())
    if len(rows) > 1:
        raise InputError(folder, f"holds runs of {len(rows)} rows", "give the folder of one, such as …/table2/row-08")
    return rows[0]


def by_row(runs: Iterable[Run]) -> dict[Key, list[Run]]:
    """Runs grouped by dataset, table and row."""
    rows: dict[Key, list[Run]] = {}
    for run in runs:
        rows.setdefault(run.key, []).append(run)
    for first, *others in rows.values():
        for other in others:
            keys = ("digest", "data_fingerprint", "code")
            changed = [key for key in keys if getattr(other.result, key) != getattr(first.result, key)]
            if changed:
                problem = f"differs from {first.folder.name} in {' and '.join(changed)}"
                raise InputError(other.folder / RESULT, problem, REMEDY)
            if other.result.seed == first.result.seed:
                raise InputError(other.folder / RESULT, f"is another run of that row as {first.folder}", "keep one")
    return rows
