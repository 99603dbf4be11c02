"""The two tasks, action spotting and replay grounding: what each reads, counts and scores.

All other scoring code takes one of these objects and does not branch on the task. `TASKS` has them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soccerbench.errors import InputError, did_you_mean
from soccerbench.events import Events, Protocol
from soccerbench.metrics.grounding import grounding_score, grounding_statistics
from soccerbench.metrics.replay_matching import Replay
from soccerbench.metrics.signature import TaskName
from soccerbench.metrics.spotting import spotting_score
from soccerbench.metrics.spotting_counts import spotting_statistics
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import SOCCERNET_V2, ClassList
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.grounding_predictions import (
    GROUNDING_RESULT_FILES,
    GroundingPredictions,
    read_grounding_predictions,
)
from soccerbench.soccernet.labels import SPOTTING_LABEL_FILES, label_classes, read_labels_of
from soccerbench.soccernet.replays import (
    GROUNDING_LABEL_FILES,
    UNREADABLE_S,
    CameraAnnotations,
    read_camera_annotations,
)
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULT_FILES, read_predictions_of


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        name: "spotting" or "grounding".
        title, metric: for tables.
        overall: field of the score that is the result.
        per_tolerance: field of the score by tolerance.
        labels, predictions: what the files of a game are called and hold.
        class_list: (tree, games) -> the classes that the labels of some games name.
        classes: (names, known) -> the classes to score, all that are known for None; none where a task is not scored
            by class. ValueError: no name, an unknown one, or one twice.
        read_labels: (tree, games, *, strict, classes) -> the labels of some games.
        read_predictions: the same of predictions.
        count: (labels, predictions, *, deltas_s, protocol, classes, known) -> what each game contributes to the score.
            InputError: a label that the official scorer fails on. ValueError: values that the protocol refuses.
        score: what some games contribute -> their score.
    """

    name: TaskName
    title: str
    metric: str
    overall: str
    per_tolerance: str
    labels: FileKind
    predictions: FileKind
    class_list: Callable[[Tree, Sequence[str]], ClassList]
    classes: Callable[[Sequence[str] | None, ClassList], tuple[str, ...]]
    read_labels: Callable[..., list[Any]]
    read_predictions: Callable[..., list[Any]]
    count: Callable[..., list[Any]]
    score: Callable[[Sequence[Any]], Any]


def _chosen_classes(names: Sequence[str] | None, known: ClassList) -> tuple[str, ...]:
    if names is None:
        return known.names
    unknown = [name for name in names if name not in known.index]
    if unknown or not names or len(set(names)) < len(names):
        wrong = "each class must be named once"
        if unknown:
            wrong = f"unknown class {unknown[0]!r}{did_you_mean(unknown[0], known.names)}"
        raise ValueError(f"{wrong}; the classes are {', '.join(known.names)}")
    return tuple(names)


def _count_spotting(
    labels: Sequence[Events],
    predictions: Sequence[Events],
    *,
    deltas_s: Sequence[float],
    protocol: Protocol,
    classes: Sequence[str],
    known: ClassList,
) -> list[SpottingStatistics]:
    """Matches of detections with events, of the classes scored."""
    counted = spotting_statistics(
        targets=labels, detections=predictions, deltas_s=deltas_s, classes=len(known.names), protocol=protocol
    )
    if tuple(classes) == known.names:
        return counted
    return [game.select([known.index[name] for name in classes]) for game in counted]


def _no_classes(names: Sequence[str] | None, _: ClassList) -> tuple[str, ...]:
    """None: the event behind a replay is found, not named."""
    if names is not None:
        raise ValueError("--classes: replay grounding is not scored by class; leave the option out")
    return ()


def _read_cameras(tree: Tree, games: Sequence[str], *, strict: bool, **_: Any) -> list[CameraAnnotations]:
    """Camera annotations; withheld links are an error."""
    found = [read_camera_annotations(tree, game, strict=strict) for game in games]
    if all(game.withheld for game in found):
        raise InputError(tree.path, "the links are withheld: no replay has one", "score train, valid or test")
    if strict and not any((game.annotations.replay & game.annotations.known()).any() for game in found):
        raise InputError(tree.path, "no replay has a link", "score a split whose replays have links")
    return found


def _read_grounded(tree: Tree, games: Sequence[str], *, strict: bool, **_: Any) -> list[GroundingPredictions]:
    return [read_grounding_predictions(tree, game, strict=strict) for game in games]


def _count_grounding(
    labels: Sequence[CameraAnnotations],
    predictions: Sequence[GroundingPredictions],
    *,
    deltas_s: Sequence[float],
    protocol: Protocol,
    **_: Any,
) -> list[GroundingStatistics]:
    """Matches of each replay's detections with its event."""
    try:
        counted = grounding_statistics(
            annotations=[game.annotations for game in labels],
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


SPOTTING = Task(
    name="spotting",
    title="Action spotting",
    metric="average-mAP",
    overall="average_map",
    per_tolerance="map_per_tolerance",
    labels=SPOTTING_LABEL_FILES,
    predictions=SPOTTING_RESULT_FILES,
    class_list=label_classes,
    classes=_chosen_classes,
    read_labels=read_labels_of,
    read_predictions=read_predictions_of,
    count=_count_spotting,
    score=spotting_score,
)
GROUNDING = Task(
    name="grounding",
    title="Replay grounding",
    metric="average-AP",
    overall="average_ap",
    per_tolerance="ap_per_tolerance",
    labels=GROUNDING_LABEL_FILES,
    predictions=GROUNDING_RESULT_FILES,
    class_list=lambda *_: SOCCERNET_V2,
    classes=_no_classes,
    read_labels=_read_cameras,
    read_predictions=_read_grounded,
    count=_count_grounding,
    score=grounding_score,
)
TASKS: Mapping[str, Task] = {task.name: task for task in (SPOTTING, GROUNDING)}
