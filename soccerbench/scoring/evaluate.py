"""Where files meet metrics: the games of a split, read and scored.

Conventions
    soccernet   reads as the official scorer does; what that passes over in silence is counted in `warnings`
    strict      reads strictly too: all of that is an error
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench import __version__
from soccerbench.errors import InputError
from soccerbench.events import Events, Protocol
from soccerbench.metrics import (
    Annotations,
    Interval,
    Replay,
    bootstrap,
    grounding_score,
    grounding_statistics,
    signature,
    spotting_score,
    spotting_statistics_by_game,
)
from soccerbench.scoring.evaluation import GroundingEvaluation, SpottingEvaluation
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.games import open_games
from soccerbench.soccernet.grounding_predictions import (
    GROUNDING_FILES,
    GroundingPredictions,
    read_grounding_predictions,
)
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS, CameraAnnotations, read_camera_annotations
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULTS, read_spotting_predictions

GROUNDING_LABELS = (CAMERA_LABELS, REPLAY_LABELS)


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
    strict = protocol == "strict"
    label_tree, prediction_tree, games, warnings = open_games(
        labels, predictions, split, label_files=(SPOTTING_LABELS,), prediction_files=(SPOTTING_RESULTS,), strict=strict
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
    labels: Sequence[Events],
    predictions: Sequence[Events],
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
        targets=labels,
        detections=predictions,
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
        warnings=_warnings(labels, predictions),
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
    strict = protocol == "strict"
    label_tree, prediction_tree, games, warnings = open_games(
        labels, predictions, split, label_files=GROUNDING_LABELS, prediction_files=GROUNDING_FILES, strict=strict
    )
    annotations = [read_camera_annotations(label_tree, game, strict=strict) for game in games]
    if strict and not any(entry.replay and entry.link_label >= 0 for game in annotations for entry in game.entries):
        raise InputError(labels, "no replay has a link", "score a split whose links are not withheld")
    evaluation = score_grounding_games(
        labels=annotations,
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
        warnings=_warnings(labels, predictions),
        intervals=_intervals(counted, repetitions, seed),
    )


def check_classes(classes: Sequence[str] | None) -> tuple[str, ...]:
    """The classes to score, all of them for None.

    Raises:
        ValueError: none, an unknown one, or one twice.
    """
    if classes is None:
        return CLASSES
    unknown = [name for name in classes if name not in CLASS_INDEX]
    if unknown or not classes or len(set(classes)) < len(classes):
        wrong = f"unknown class {unknown[0]!r}" if unknown else "each class must be named once"
        raise ValueError(f"{wrong}; the classes are {', '.join(CLASSES)}")
    return tuple(classes)


def _check_same_games(labels: Sequence[Any], predictions: Sequence[Any]) -> None:
    if not labels or [game.game for game in labels] != [game.game for game in predictions]:
        raise ValueError(f"labels of {len(labels)} games and predictions of {len(predictions)}: the same are needed")


def _warnings(*read: Sequence[Any]) -> Counter[str]:
    warnings: Counter[str] = Counter()
    for game in chain(*read):
        warnings.update(game.warnings)
    return warnings


def _annotations(game: CameraAnnotations) -> Annotations:
    second, replay, linked, link_half, link_label, link_second = np.array(game.entries, np.int64).reshape(-1, 6).T
    return Annotations(second, replay.astype(np.bool_), linked.astype(np.bool_), link_half, link_label, link_second)


def _intervals(statistics: Sequence[Any], repetitions: int, seed: int) -> dict[str, Interval]:
    if not repetitions:
        return {}
    return bootstrap(statistics, repetitions=repetitions, rng=np.random.default_rng(seed))
