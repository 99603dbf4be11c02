"""The pipeline of a spotting row: clips to train on, detections for every game, average-mAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation, evaluate_loose_and_tight
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.labels import SPOTTING_LABELS
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions, write_spotting_predictions
from soccerbench.specs.base import Training
from soccerbench.specs.heads import load_source
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.training.prefetch import prefetched


class SpottingPipeline:
    """A `Pipeline` for action spotting; see `pipeline_of` for its arguments."""

    label_files: ClassVar[tuple[str, ...]] = (SPOTTING_LABELS,)

    def __init__(
        self,
        row: SpottingRow,
        root: Dataset,
        store: FeatureStore,
        *,
        plugin: Path | None = None,
        folders: Sequence[Path] = (),
        training: Training | None = None,
    ) -> None:
        assert not folders
        self.row, self.root, self.store, self.plugin = row, root, store, plugin
        self.training = training or row.trainings[0]

    def check_labels(self, split: str) -> None:
        """Read the labels of a split; those of a challenge without any are passed over."""
        if self.can_score(split) or split != "challenge":
            self.root.labels(split)

    def can_predict(self, split: str) -> bool:
        """Whether the split has games: every half is searched."""
        return bool(self.root.games[split])

    def can_score(self, split: str) -> bool:
        """Whether any game of the split is annotated."""
        return self.root.has_labels(split)

    def trainable(self) -> SpottingTask:
        """Clips, head and loss."""
        return self._trainable

    def predict(
        self,
        model: nn.Module | None,
        split: str,
        games: Sequence[str],
        *,
        file: Path,
        device: torch.device,
        progress: Progress,
    ) -> None:
        """Slide over the games and write one `results_spotting.json` a game."""
        assert model is not None
        write_spotting_predictions(file, self._detect(model, split, games, device, progress))

    def score(self, file: Path, split: str, games: Sequence[str]) -> dict[str, Evaluation]:
        """Average-mAP."""
        tree, labels = Tree(file), list(self.root.labels(split).values())
        predictions = [read_spotting_predictions(tree, game, strict=False) for game in games]
        return evaluate_loose_and_tight("spotting", labels=labels, predictions=predictions, split=split)

    def _detect(
        self, model: nn.Module, split: str, games: Sequence[str], device: torch.device, progress: Progress
    ) -> Iterator[Events]:
        """The detections of one game after the other; the next halves are read meanwhile."""
        halves = prefetched(self._trainable.halves(games, device))
        for number, game in enumerate(games, start=1):
            yield self._trainable.detect(model, game, halves)
            progress(f"{split} games", number, len(games))

    @cached_property
    def _trainable(self) -> SpottingTask:
        train = {game: read for split in self.training.learns for game, read in self.root.labels(split).items()}
        valid = self.root.labels(self.training.selects) if self.training.selects else {}
        head = load_class(self.row.head, self.plugin, of=nn.Module) if ":" in self.row.head else None
        kind: type[SpottingTask] = load_source(self.row.task_class)
        return kind(self.row, self.store, train=train, valid=valid, head=head)
