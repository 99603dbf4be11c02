"""The work of a grounding row: its replays, its head's detections, and the steps after them.

Links are read for training and scoring alone. The challenge's replays come from the file without links wherever there
is one, so that nothing but scoring can see those of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import nn

from soccerbench.errors import InputError, SpecError
from soccerbench.features.dataset import Dataset
from soccerbench.metrics import LOOSE_S, TIGHT_S
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation, evaluate_games
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.grounding_predictions import (
    GroundingPredictions,
    read_grounding_predictions,
    write_grounding_predictions,
)
from soccerbench.soccernet.replays import (
    CAMERA_LABELS,
    REPLAY_LABELS,
    GameReplays,
    read_camera_annotations,
    read_replays,
)
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions
from soccerbench.specs.base import BaseRow
from soccerbench.specs.grounding import CmnRow, Filter, Fuse, GroundingTransformerRow, NaiveRow, Suppress
from soccerbench.tasks.cmn import CmnTask
from soccerbench.tasks.grounding_postprocess import each, filter_before, fuse_games, join_games, scaled, suppress
from soccerbench.tasks.grounding_transformer import GroundingTransformerTask
from soccerbench.tasks.naive import NaiveTask

Predictions = list[GroundingPredictions]


class GroundingJob:
    """A `Job` for replay grounding.

    Args:
        row: the spec.
        root: the data.
        folder_of: where the run lies of a row that this one needs.
    """

    label_files: tuple[str, ...] = (CAMERA_LABELS, REPLAY_LABELS)

    def __init__(
        self, row: CmnRow | GroundingTransformerRow | NaiveRow, root: Dataset, folder_of: Callable[[BaseRow], Path]
    ) -> None:
        self.row, self.root, self.folder_of = row, root, folder_of
        self._read: dict[str, GameReplays] = {}

    def check_labels(self, split: str) -> None:
        """Read the replays of a split; those that are learnt from or measured need links."""
        for step in self.row.postprocess:
            unknown = sorted(set(step.labels) - set(CLASSES)) if isinstance(step, Fuse) else []
            if unknown:
                place = f"{self.row.table}: row {self.row.row}: postprocess.labels"
                raise SpecError(place, f"{unknown[0]!r} is none of {', '.join(CLASSES)}")
        replays = [replay for game in self.replays(split).values() for replay in game.replays]
        if split != "challenge" and not any(replay.same_half for replay in replays):
            raise InputError(
                self.root.path,
                f"no replay of the {split} games has a link to an event of its half",
                f"put the {CAMERA_LABELS} with links into the game folders",
            )

    def can_predict(self, split: str) -> bool:
        """Whether any game of the split has its replays marked."""
        return any(f"{game}/{file}" in self.root.tree for game in self.root.games[split] for file in self.label_files)

    def can_score(self, split: str) -> bool:
        """Whether any game of the split has its replays linked."""
        return any(f"{game}/{CAMERA_LABELS}" in self.root.tree for game in self.root.games[split])

    def task(self) -> CmnTask | GroundingTransformerTask:
        """Samples, head and loss."""
        assert not isinstance(self._task, NaiveTask)
        return self._task

    def predict(
        self, model: nn.Module | None, games: Sequence[str], split: str, device: torch.device, progress: Progress
    ) -> Predictions:
        """Detections for every replay, after all steps."""
        replays, found = self.replays(split), []
        for number, game in enumerate(games, start=1):
            if isinstance(self._task, NaiveTask):
                found.append(self._task.detect(replays[game]))
            else:
                assert model is not None
                found.append(self._task.detect(model, replays[game], device))
            progress(f"{split} games", number, len(games))
        for step in self.row.postprocess:
            found = self._after(step, found, split)
        return found

    def write(self, file: Path, predictions: Predictions) -> None:
        """One `results_grounding.json` a game."""
        write_grounding_predictions(file, predictions)

    def score(self, file: Path, games: Sequence[str], split: str) -> dict[str, Evaluation]:
        """Average-AP."""
        tree = Tree(file)
        labels = [read_camera_annotations(self.root.tree, game, strict=False) for game in games]
        predictions = [read_grounding_predictions(tree, game, strict=False) for game in games]
        return {
            name: evaluate_games(
                "grounding",
                labels=labels,
                predictions=predictions,
                split=split,
                deltas_s=deltas_s,
                protocol="soccernet",
            )
            for name, deltas_s in (("loose", LOOSE_S), ("tight", TIGHT_S))
        }

    def replays(self, split: str) -> dict[str, GameReplays]:
        """The replays of every game of a split, read strictly.

        Raises:
            InputError: a missing label file, or one that could not be trained on; names file, entry and remedy.
        """
        for game in self.root.games[split]:
            if game not in self._read:
                withheld = split == "challenge" and f"{game}/{REPLAY_LABELS}" in self.root.tree
                file = REPLAY_LABELS if withheld else CAMERA_LABELS
                self._read[game] = read_replays(self.root.tree, game, strict=True, file=file)
        return {game: self._read[game] for game in self.root.games[split]}

    @cached_property
    def _task(self) -> CmnTask | GroundingTransformerTask | NaiveTask:
        train = {game: read for split in self.row.training_splits for game, read in self.replays(split).items()}
        if isinstance(self.row, NaiveRow):
            return NaiveTask(self.row, train=train)
        valid = self.replays("valid") if self.row.mode == "regular" else {}
        store = self.root.store(self.row.blocks)
        if isinstance(self.row, CmnRow):
            return CmnTask(self.row, store, train=train, valid=valid)
        return GroundingTransformerTask(self.row, store, train=train, valid=valid)

    def _after(self, step: Filter | Fuse | Suppress, found: Predictions, split: str) -> Predictions:
        """What a step makes of the detections of a split."""
        if isinstance(step, Filter):
            return each(found, partial(filter_before, before_s=step.before_s))
        tree = Tree(self.folder_of(self.row.run_of(step)) / f"predictions-{split}.zip")
        if isinstance(step, Suppress):
            others = [read_grounding_predictions(tree, game.game, strict=False) for game in found]
            return each(join_games(scaled(found), scaled(others)), partial(suppress, window_s=step.window_s))
        labels = [CLASS_INDEX[label] for label in step.labels]
        spotted = [read_spotting_predictions(tree, game.game, strict=False) for game in found]
        return fuse_games(found, spotted, labels=labels, threshold=step.score, window_s=step.window_s,
                          nearest=step.nearest, second=step.second)  # fmt: skip
