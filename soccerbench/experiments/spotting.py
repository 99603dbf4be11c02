"""The work of a spotting row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.metrics import LOOSE_S, TIGHT_S
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation, evaluate_games
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.labels import SPOTTING_LABELS
from soccerbench.soccernet.spotting_predictions import (
    read_spotting_predictions,
    write_spotting_predictions,
)
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import SpottingTask
from soccerbench.training.prefetch import read_ahead


class SpottingJob:
    """A `Job` for action spotting."""

    label_files: tuple[str, ...] = (SPOTTING_LABELS,)

    def __init__(self, row: SpottingRow, root: Dataset, head: type[nn.Module] | None) -> None:
        self.row, self.root, self.head = row, root, head

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

    def task(self) -> SpottingTask:
        """Clips, head and loss."""
        return self._task

    def predict(
        self, model: nn.Module | None, games: Sequence[str], split: str, device: torch.device, progress: Progress
    ) -> Iterator[Events]:
        """Slide over the games, one after the other; the next halves are read meanwhile."""
        assert model is not None
        halves = read_ahead(self._task.halves(games, device))
        for number, game in enumerate(games, start=1):
            yield self._task.detect(model, game, halves)
            progress(f"{split} games", number, len(games))

    def write(self, file: Path, predictions: Iterator[Events]) -> None:
        """One `results_spotting.json` a game."""
        write_spotting_predictions(file, predictions)

    def score(self, file: Path, games: Sequence[str], split: str) -> dict[str, Evaluation]:
        """Average-mAP."""
        tree = Tree(file)
        predictions = [read_spotting_predictions(tree, game, strict=False) for game in games]
        return {
            name: evaluate_games(
                "spotting",
                labels=list(self.root.labels(split).values()),
                predictions=predictions,
                split=split,
                deltas_s=deltas_s,
                protocol="soccernet",
            )
            for name, deltas_s in (("loose", LOOSE_S), ("tight", TIGHT_S))
        }

    @cached_property
    def _task(self) -> SpottingTask:
        splits = self.row.training_splits
        train = {game: labels for split in splits for game, labels in self.root.labels(split).items()}
        valid = self.root.labels("valid") if self.row.mode == "regular" else {}
        return SpottingTask(self.row, self.root.store(self.row.blocks), train=train, valid=valid, head=self.head)
