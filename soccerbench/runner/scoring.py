"""Where files meet metrics: the games of a split, read and scored.

Conventions
    report      the object that `evaluate --json` prints; null for what has no value
    statistics  of each game, in the order of the split: scores of any part of the games are a re-sum of them
    interval    of the score whose name it carries: `interval` of the overall one, `interval_visible`, …
    strict      reads strictly too: whatever `soccernet` passes over with a warning is an error
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from soccerbench import __version__
from soccerbench.data.camera import CameraAnnotations, read_camera_annotations
from soccerbench.data.classes import CLASS_INDEX, CLASSES
from soccerbench.data.errors import InputError
from soccerbench.data.files import Tree
from soccerbench.data.inventory import check_games, labelled_games
from soccerbench.data.labels import SPOTTING_LABELS, SpottingLabels, read_spotting_labels
from soccerbench.data.predictions import SPOTTING_RESULTS, SpottingPredictions, read_spotting_predictions
from soccerbench.data.replay_predictions import GROUNDING_FILES, GroundingPredictions, read_grounding_predictions
from soccerbench.data.replays import CAMERA_LABELS, REPLAY_LABELS
from soccerbench.metrics import (
    Annotations,
    Events,
    GroundingScore,
    GroundingStatistics,
    Interval,
    Protocol,
    Replay,
    SpottingScore,
    SpottingStatistics,
    bootstrap,
    grounding_score,
    grounding_statistics,
    signature,
    spotting_score,
    spotting_statistics_by_game,
)

GROUNDING_LABELS = (CAMERA_LABELS, REPLAY_LABELS)


@dataclass(frozen=True, eq=False)
class SpottingEvaluation:
    """The score of one submission to action spotting, and what it was made from.

    Args:
        statistics: by game.
        score: of all games together.
        classes: (C,) names of those scored.
        signature: all that changes the number.
        warnings: what was passed over in labels and predictions, counted.
        intervals: by field of the score; empty unless asked for.
    """

    statistics: dict[str, SpottingStatistics]
    score: SpottingScore
    classes: tuple[str, ...]
    signature: str
    warnings: Counter[str]
    intervals: dict[str, Interval]

    @property
    def games(self) -> dict[str, Any]:
        """The statistics as JSON can hold them."""
        return {game: statistics.to_json() for game, statistics in self.statistics.items()}

    def report(self) -> dict[str, Any]:
        """The object that `evaluate spotting --json` prints."""
        score, report = self.score, _head("spotting", self.signature, self.statistics)
        for field in ("average_map", "average_map_visible", "average_map_unshown"):
            report[field] = number(getattr(score, field))
            _add_interval(report, "interval" + field.removeprefix("average_map"), self.intervals.get(field))
        for field in ("per_class", "per_class_visible", "per_class_unshown"):
            report[field] = dict(zip(self.classes, map(number, getattr(score, field)), strict=True))
            _add_interval(report, f"interval_{field}", self.intervals.get(field), self.classes)
        report["map_per_tolerance"] = [number(value) for value in score.map_per_tolerance]
        _add_interval(report, "interval_per_tolerance", self.intervals.get("map_per_tolerance"))
        return report


@dataclass(frozen=True, eq=False)
class GroundingEvaluation:
    """The score of one submission to replay grounding, and what it was made from; see `SpottingEvaluation`."""

    statistics: dict[str, GroundingStatistics]
    score: GroundingScore
    signature: str
    warnings: Counter[str]
    intervals: dict[str, Interval]

    @property
    def games(self) -> dict[str, Any]:
        """The statistics as JSON can hold them."""
        return {game: statistics.to_json() for game, statistics in self.statistics.items()}

    def report(self) -> dict[str, Any]:
        """The object that `evaluate grounding --json` prints."""
        report = _head("grounding", self.signature, self.statistics)
        report["average_ap"] = number(self.score.average_ap)
        _add_interval(report, "interval", self.intervals.get("average_ap"))
        report["ap_per_tolerance"] = [number(value) for value in self.score.ap_per_tolerance]
        _add_interval(report, "interval_per_tolerance", self.intervals.get("ap_per_tolerance"))
        report["replays_scored"] = self.score.replays_scored
        report["replays_missing"] = self.score.replays_missing
        return report


def score_spotting(
    *,
    labels: Path,
    predictions: Path,
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    classes: Sequence[str] | None = None,
    repetitions: int = 0,
    seed: int = 0,
) -> SpottingEvaluation:
    """Score a submission to action spotting from files.

    Args:
        labels: folder or zip with a `Labels-v2.json` a game.
        predictions: folder or zip with a `results_spotting.json` a game.
        split: "train", "valid", "test", "challenge", or "all" for every game with labels.
        deltas_s: window widths in seconds, increasing.
        protocol: "soccernet" or "strict".
        classes: names of those to score; None for all seventeen.
        repetitions: resamples of the games for intervals; 0 for none.
        seed: of the resampling.

    Raises:
        InputError: files that are missing or cannot be used, or predictions for other games under `strict`.
        ValueError: an unknown split, class or protocol, or impossible tolerances.
    """
    label_tree, prediction_tree, strict = Tree(labels), Tree(predictions), protocol == "strict"
    games = labelled_games(label_tree, split, (SPOTTING_LABELS,))
    warnings = check_games(
        games=games,
        labels=label_tree,
        label_files=(SPOTTING_LABELS,),
        predictions=prediction_tree,
        prediction_files=(SPOTTING_RESULTS,),
        strict=strict,
    )
    evaluation = score_spotting_games(
        labels=[read_spotting_labels(label_tree, game, strict=strict) for game in games],
        predictions=[read_spotting_predictions(prediction_tree, game, strict=strict) for game in games],
        split=split,
        deltas_s=deltas_s,
        protocol=protocol,
        classes=classes,
        repetitions=repetitions,
        seed=seed,
    )
    evaluation.warnings.update(warnings)
    return evaluation


def score_spotting_games(
    *,
    labels: Sequence[SpottingLabels],
    predictions: Sequence[SpottingPredictions],
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    classes: Sequence[str] | None = None,
    repetitions: int = 0,
    seed: int = 0,
) -> SpottingEvaluation:
    """Score games in memory; the arguments are those of `score_spotting`, labels and predictions in one order.

    Raises:
        ValueError: no games, games that differ, or values that the protocol refuses.
    """
    names = check_classes(classes)
    _check_same_games(labels, predictions)
    counted = spotting_statistics_by_game(
        targets=[Events(game.half, game.label, game.position_ms, visible=game.visible) for game in labels],
        detections=[Events(game.half, game.label, game.position_ms, confidence=game.confidence) for game in predictions],
        deltas_s=deltas_s,
        classes=len(CLASSES),
        protocol=protocol,
    )
    if names != CLASSES:
        counted = [game.select([CLASS_INDEX[name] for name in names]) for game in counted]
    return SpottingEvaluation(
        statistics={game.game: statistics for game, statistics in zip(labels, counted, strict=True)},
        score=spotting_score(counted),
        classes=names,
        signature=signature(
            task="spotting",
            protocol=protocol,
            split=split,
            games=len(labels),
            deltas_s=deltas_s,
            version=__version__,
            classes=len(CLASSES) if names == CLASSES else names,
        ),
        warnings=sum((game.warnings for game in (*labels, *predictions)), Counter()),
        intervals=_intervals(counted, repetitions, seed),
    )


def score_grounding(
    *,
    labels: Path,
    predictions: Path,
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    repetitions: int = 0,
    seed: int = 0,
) -> GroundingEvaluation:
    """Score a submission to replay grounding from files; labels are `Labels-cameras.json` or `Labels-replays.json`.

    The arguments are those of `score_spotting`; predictions are `results_grounding.json` or `Detection-replays.json`.

    Raises:
        InputError: files that are missing or cannot be used, links that are withheld.
        ValueError: what cannot be scored, such as no replay of any game.
    """
    label_tree, prediction_tree, strict = Tree(labels), Tree(predictions), protocol == "strict"
    games = labelled_games(label_tree, split, GROUNDING_LABELS)
    warnings = check_games(
        games=games,
        labels=label_tree,
        label_files=GROUNDING_LABELS,
        predictions=prediction_tree,
        prediction_files=GROUNDING_FILES,
        strict=strict,
    )
    evaluation = score_grounding_games(
        labels=[read_camera_annotations(label_tree, game, strict=strict) for game in games],
        predictions=[read_grounding_predictions(prediction_tree, game, strict=strict) for game in games],
        split=split,
        deltas_s=deltas_s,
        protocol=protocol,
        repetitions=repetitions,
        seed=seed,
    )
    evaluation.warnings.update(warnings)
    return evaluation


def score_grounding_games(
    *,
    labels: Sequence[CameraAnnotations],
    predictions: Sequence[GroundingPredictions],
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    repetitions: int = 0,
    seed: int = 0,
) -> GroundingEvaluation:
    """Score games in memory; the arguments are those of `score_grounding`, labels and predictions in one order.

    Raises:
        InputError: a submitted replay comes to an annotation that the official scorer fails on.
        ValueError: no games, games that differ, or values that the protocol refuses.
    """
    _check_same_games(labels, predictions)
    counted = grounding_statistics(
        annotations=[_annotations(game) for game in labels],
        replays=[
            [Replay(replay.half, replay.end_s, replay.time_s, replay.score) for replay in game.replays]
            for game in predictions
        ],
        deltas_s=deltas_s,
        protocol=protocol,
    )
    for label, prediction, statistics in zip(labels, predictions, counted, strict=True):
        if label.broken is not None and statistics.scored < len(prediction.replays):
            raise label.broken
    return GroundingEvaluation(
        statistics={game.game: statistics for game, statistics in zip(labels, counted, strict=True)},
        score=grounding_score(counted),
        signature=signature(
            task="grounding",
            protocol=protocol,
            split=split,
            games=len(labels),
            deltas_s=deltas_s,
            version=__version__,
        ),
        warnings=sum((game.warnings for game in (*labels, *predictions)), Counter()),
        intervals=_intervals(counted, repetitions, seed),
    )
