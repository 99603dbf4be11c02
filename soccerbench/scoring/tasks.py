"""The two tasks, action spotting and replay grounding: what each reads, counts, scores and reports.

All other scoring code takes one of these objects and does not branch on the task. `TASKS` has them by name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soccerbench.errors import InputError, did_you_mean
from soccerbench.events import Events, Protocol
from soccerbench.metrics import (
    Annotations,
    GroundingScore,
    GroundingStatistics,
    Interval,
    Replay,
    SpottingScore,
    SpottingStatistics,
    grounding_score,
    grounding_statistics,
    spotting_score,
    spotting_statistics_by_game,
)
from soccerbench.metrics.signature import TaskName
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import SOCCERNET_V2, ClassList
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.grounding_predictions import (
    GroundingPredictions,
    read_grounding_predictions,
)
from soccerbench.soccernet.labels import SPOTTING_LABEL_FILES, label_classes, read_labels_of
from soccerbench.soccernet.replays import (
    GROUNDING_LABELS,
    UNREADABLE_S,
    CameraAnnotations,
    read_camera_annotations,
)
from soccerbench.soccernet.spotting_predictions import read_predictions_of
from soccerbench.soccernet.submission import RESULTS


class Task(ABC):
    """One task.

    Attributes:
        name: "spotting" or "grounding".
        title: for tables.
        metric: for tables.
        overall: field of the score that is the result.
        per_tolerance: field of the score by tolerance.
        labels, predictions: what the files of a game are called and hold.
        statistics: what one game contributes to the score.
    """

    name: TaskName
    title: str
    metric: str
    overall: str
    per_tolerance: str
    labels: FileKind
    predictions: FileKind
    statistics: type[Any]

    def class_list(self, tree: Tree, games: Sequence[str]) -> ClassList:  # noqa: ARG002
        """The classes that the labels of some games name.

        Raises:
            InputError: labels of two versions, or a root's list that cannot be used.
        """
        return SOCCERNET_V2

    @abstractmethod
    def classes(self, names: Sequence[str] | None, known: ClassList = SOCCERNET_V2) -> tuple[str, ...]:
        """The classes to score, all that are known for None; none where a task is not scored by class.

        Raises:
            ValueError: no name, an unknown one, or one twice.
        """

    @abstractmethod
    def read_labels(self, tree: Tree, games: Sequence[str], *, strict: bool, known: ClassList) -> list[Any]:
        """The labels of some games.

        Raises:
            InputError: files that are missing or cannot be used.
        """

    @abstractmethod
    def read_predictions(
        self, tree: Tree, games: Sequence[str], *, strict: bool, known: ClassList = SOCCERNET_V2
    ) -> list[Any]:
        """The predictions of some games.

        Raises:
            InputError: a file that cannot be used.
        """

    @abstractmethod
    def count(
        self,
        labels: Sequence[Any],
        predictions: Sequence[Any],
        *,
        deltas_s: Sequence[float],
        protocol: Protocol,
        classes: Sequence[str],
        known: ClassList,
    ) -> list[Any]:
        """What each game contributes to the score.

        Raises:
            InputError: a label that the official scorer fails on.
            ValueError: values that the protocol refuses.
        """

    @abstractmethod
    def score(self, statistics: Sequence[Any]) -> Any:
        """The score of some games together."""

    @abstractmethod
    def report(
        self, head: dict[str, Any], score: Any, intervals: Mapping[str, Interval], classes: Sequence[str]
    ) -> dict[str, Any]:
        """The object that `evaluate --json` prints, without its warnings, as plain values in the order of its schema.

        Args:
            head: the keys that both tasks have.
            score: from `score`.
            intervals: by field of the score; empty unless asked for.
            classes: those scored.
        """


class Spotting(Task):
    """Action spotting."""

    name: TaskName = "spotting"
    title = "Action spotting"
    metric = "average-mAP"
    overall = "average_map"
    per_tolerance = "map_per_tolerance"
    labels = SPOTTING_LABEL_FILES
    predictions = RESULTS["spotting"]
    statistics = SpottingStatistics

    def class_list(self, tree: Tree, games: Sequence[str]) -> ClassList:
        """Those of the labels' version, or a root's own."""
        return label_classes(tree, games)

    def classes(self, names: Sequence[str] | None, known: ClassList = SOCCERNET_V2) -> tuple[str, ...]:
        """All, or those named."""
        if names is None:
            return known.names
        unknown = [name for name in names if name not in known.index]
        if unknown or not names or len(set(names)) < len(names):
            wrong = "each class must be named once"
            if unknown:
                wrong = f"unknown class {unknown[0]!r}{did_you_mean(unknown[0], known.names)}"
            raise ValueError(f"{wrong}; the classes are {', '.join(known.names)}")
        return tuple(names)

    def read_labels(self, tree: Tree, games: Sequence[str], *, strict: bool, known: ClassList) -> list[Events]:
        """Events."""
        return read_labels_of(tree, games, strict=strict, classes=known)

    def read_predictions(
        self, tree: Tree, games: Sequence[str], *, strict: bool, known: ClassList = SOCCERNET_V2
    ) -> list[Events]:
        """Events with confidences."""
        return read_predictions_of(tree, games, strict=strict, classes=known)

    def count(
        self,
        labels: Sequence[Events],
        predictions: Sequence[Events],
        *,
        deltas_s: Sequence[float],
        protocol: Protocol,
        classes: Sequence[str],
        known: ClassList,
    ) -> list[SpottingStatistics]:
        """Matches of detections with events, of the classes scored."""
        counted = spotting_statistics_by_game(
            targets=labels, detections=predictions, deltas_s=deltas_s, classes=len(known.names), protocol=protocol
        )
        if tuple(classes) == known.names:
            return counted
        return [game.select([known.index[name] for name in classes]) for game in counted]

    def score(self, statistics: Sequence[SpottingStatistics]) -> SpottingScore:
        """Average-mAP."""
        return spotting_score(statistics)

    def report(
        self, head: dict[str, Any], score: SpottingScore, intervals: Mapping[str, Interval], classes: Sequence[str]
    ) -> dict[str, Any]:
        """Overall, by class and by tolerance; by visibility only where labels have it."""
        parts = ("", "_visible", "_unshown")
        report = dict(head)
        for part in parts:
            report[f"average_map{part}"] = number(getattr(score, f"average_map{part}"))
            if f"average_map{part}" in intervals:
                report[f"interval{part}"] = interval_of(intervals[f"average_map{part}"])
        for field in (f"per_class{part}" for part in parts):
            report[field] = dict(zip(classes, numbers(getattr(score, field)), strict=True))
            if field in intervals:
                report[f"interval_{field}"] = {
                    name: interval_of(intervals[field], place) for place, name in enumerate(classes)
                }
        return report | {"map_per_tolerance": numbers(score.map_per_tolerance)}


class Grounding(Task):
    """Replay grounding."""

    name: TaskName = "grounding"
    title = "Replay grounding"
    metric = "average-AP"
    overall = "average_ap"
    per_tolerance = "ap_per_tolerance"
    labels = GROUNDING_LABELS
    predictions = RESULTS["grounding"]
    statistics = GroundingStatistics

    def classes(self, names: Sequence[str] | None, known: ClassList = SOCCERNET_V2) -> tuple[str, ...]:  # noqa: ARG002
        """None: the event behind a replay is found, not named."""
        if names is not None:
            raise ValueError("--classes: replay grounding is not scored by class; leave the option out")
        return ()

    def read_labels(
        self,
        tree: Tree,
        games: Sequence[str],
        *,
        strict: bool,
        known: ClassList,  # noqa: ARG002
    ) -> list[CameraAnnotations]:
        """Camera annotations; withheld links are an error."""
        found = [read_camera_annotations(tree, game, strict=strict) for game in games]
        if all(game.withheld for game in found):
            raise InputError(tree.path, "the links are withheld: no replay has one", "score train, valid or test")
        if strict and not any(entry.replay and entry.link_label >= 0 for game in found for entry in game.entries):
            raise InputError(tree.path, "no replay has a link", "score a split whose replays have links")
        return found

    def read_predictions(
        self,
        tree: Tree,
        games: Sequence[str],
        *,
        strict: bool,
        known: ClassList = SOCCERNET_V2,  # noqa: ARG002
    ) -> list[GroundingPredictions]:
        """Replays and their detections."""
        return [read_grounding_predictions(tree, game, strict=strict) for game in games]

    def count(
        self,
        labels: Sequence[CameraAnnotations],
        predictions: Sequence[GroundingPredictions],
        *,
        deltas_s: Sequence[float],
        protocol: Protocol,
        classes: Sequence[str],  # noqa: ARG002
        known: ClassList,  # noqa: ARG002
    ) -> list[GroundingStatistics]:
        """Matches of each replay's detections with its event."""
        try:
            counted = grounding_statistics(
                annotations=[_annotations(game) for game in labels],
                replays=[
                    [Replay(replay.half, replay.end_s, replay.time_s, replay.score) for replay in game.replays]
                    for game in predictions
                ],
                deltas_s=deltas_s,
                protocol=protocol,
            )
        except ValueError as error:
            found = next((game.unreadable for game in labels if game.unreadable is not None), None)
            if found is None or str(UNREADABLE_S) not in str(error):
                raise
            raise found from None
        for label, prediction, statistics in zip(labels, predictions, counted, strict=True):
            if label.broken is not None and statistics.scored < len(prediction.replays):
                raise label.broken
        return counted

    def score(self, statistics: Sequence[GroundingStatistics]) -> GroundingScore:
        """Average-AP."""
        return grounding_score(statistics)

    def report(
        self,
        head: dict[str, Any],
        score: GroundingScore,
        intervals: Mapping[str, Interval],
        classes: Sequence[str],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Overall and by tolerance."""
        report = {**head, "average_ap": number(score.average_ap)}
        if intervals:
            report["interval"] = interval_of(intervals["average_ap"])
        return report | {
            "ap_per_tolerance": numbers(score.ap_per_tolerance),
            "replays_scored": score.replays_scored,
            "replays_missing": score.replays_missing,
        }


TASKS: Mapping[str, Task] = {task.name: task for task in (Spotting(), Grounding())}


def number(value: float) -> float | None:
    """A plain float, None for NaN."""
    return None if math.isnan(value) else float(value)


def numbers(values: Any) -> list[float | None]:
    """Plain floats, None for NaN."""
    return [number(value) for value in values]


def interval_of(interval: Interval, place: int | None = None) -> dict[str, Any]:
    """The interval of a single score, or of one among several."""
    low, high = (number(float(values if place is None else values[place])) for values in (interval.low, interval.high))
    return {"level": interval.level, "low": low, "high": high, "repetitions": interval.repetitions}


def _annotations(game: CameraAnnotations) -> Annotations:
    second, replay, linked, link_half, link_label, link_second = np.array(game.entries, np.int64).reshape(-1, 6).T
    return Annotations(second, replay.astype(np.bool_), linked.astype(np.bool_), link_half, link_label, link_second)
