"""The pipeline of a spotting row: clips to train on, detections for every game, average-mAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from soccerbench.events import Events
from soccerbench.experiments.pipeline import Pipeline
from soccerbench.features.store import FeatureStore
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation, evaluate_loose_and_tight
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.labels import SPOTTING_LABELS
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions, write_spotting_predictions
from soccerbench.specs.heads import load_source
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.training.prefetch import prefetched


class SpottingPipeline(Pipeline):
    """A `Pipeline` for action spotting."""

    row: SpottingRow
    store: FeatureStore
    label_files: ClassVar[tuple[str, ...]] = (SPOTTING_LABELS,)

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
        task = self.trainable
        halves = prefetched(task.halves(games, device))
        for number, game in enumerate(games, start=1):
            yield task.detect(model, game, halves)
            progress(f"{split} games", number, len(games))

    @cached_property
    def trainable(self) -> SpottingTask:
        """Clips, head and loss."""
        train = {game: read for split in self.training.learns for game, read in self.root.labels(split).items()}
        valid = self.root.labels(self.training.selects) if self.training.selects else {}
        head = load_class(self.row.head, self.plugin, of=nn.Module) if ":" in self.row.head else None
        kind: type[SpottingTask] = load_source(self.row.task_class)
        return kind(self.row, self.store, train=train, valid=valid, head=head)
