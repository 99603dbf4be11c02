"""The pipeline of a spotting row: clips to train on, detections for every game, average-mAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import ClassVar

import torch
from torch import nn

from soccerbench.events import Events
from soccerbench.experiments.pipeline import Pipeline
from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.soccernet.labels import SPOTTING_LABELS
from soccerbench.soccernet.spotting_predictions import write_spotting_predictions
from soccerbench.specs.heads import load_source
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.tasks.spotting_steps import detections
from soccerbench.tasks.windows import whole_half
from soccerbench.training.prefetch import prefetched


class SpottingPipeline(Pipeline):
    """A `Pipeline` for action spotting."""

    row: SpottingRow
    store: FeatureStore
    label_files: ClassVar[tuple[str, ...]] = (SPOTTING_LABELS,)
    write = staticmethod(write_spotting_predictions)

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

    def detect(
        self, model: nn.Module, split: str, games: Sequence[str], device: torch.device, progress: Progress
    ) -> Iterator[Events]:
        """Slide over one game after the other; the next halves are read meanwhile."""
        halves = prefetched(whole_half(self.store, game, half, device) for game in games for half in HALVES)
        for number, game in enumerate(games, start=1):
            scores = {half: self.trainable.scores(self.row, model, next(halves), self.store.fps) for half in HALVES}
            yield detections(scores, self.row.steps, game=game)
            progress(f"{split} games", number, len(games))

    def truth(self, split: str) -> list[Events]:
        """The labels of the split."""
        return list(self.root.labels(split).values())

    @cached_property
    def trainable(self) -> SpottingTask:
        """Clips, head and loss."""
        train = {game: read for split in self.training.learns for game, read in self.root.labels(split).items()}
        valid = self.root.labels(self.training.selects) if self.training.selects else {}
        head = load_class(self.row.head, self.plugin, of=nn.Module) if ":" in self.row.head else None
        kind: type[SpottingTask] = load_source(self.row.task_class)
        return kind(self.row, self.store, train=train, valid=valid, head=head)
