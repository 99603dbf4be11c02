"""What an experiment leaves to its task: which labels it reads, what is trained, how detections are made and scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation, evaluate_loose_and_tight
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.archive import Tree
from soccerbench.specs.base import Training
from soccerbench.training.loop import Selection, Trainable


class Pipeline(ABC):
    """One row's work on one dataset.

    Args:
        store: the row's features; None for a row that reads none.
        folders: of the runs that the row needs, in the order of `row.runs`.
        training: the one of the row's that is made; its first if not given.

    Attributes:
        label_files: names of the label files that count.
    """

    label_files: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        row: Any,
        root: Dataset,
        store: FeatureStore | None,
        *,
        plugin: Path | None = None,
        folders: Sequence[Path] = (),
        training: Training | None = None,
    ) -> None:
        self.row, self.root, self.store, self.plugin, self.folders = row, root, store, plugin, folders
        self.training = training or row.trainings[0]

    @abstractmethod
    def check_labels(self, split: str) -> None:
        """Read what a split's games are trained, predicted or scored with.

        Raises:
            InputError: labels that cannot be used.
        """

    @abstractmethod
    def can_predict(self, split: str) -> bool:
        """Whether the dataset says what to look for in a split."""

    @abstractmethod
    def can_score(self, split: str) -> bool:
        """Whether the dataset has a split's ground truth; that of the real challenge is withheld."""

    @property
    def selection(self) -> Selection | None:
        """How the row chooses its best epoch; None for the validation loss."""
        return None

    @property
    @abstractmethod
    def trainable(self) -> Trainable[Any]:
        """What is trained."""

    @abstractmethod
    def detect(
        self, model: Any, split: str, games: Sequence[str], device: torch.device, progress: Progress
    ) -> Iterable[Any]:
        """The detections in each game of a split, for `write`; no model for a row without one."""

    @staticmethod
    @abstractmethod
    def write(path: Path, games: Iterable[Any]) -> None:
        """Write detections as the official zip."""

    @abstractmethod
    def truth(self, split: str) -> list[Any]:
        """The annotations that the games of a split are scored with."""

    def score(self, file: Path, split: str) -> dict[str, Evaluation]:
        """Score what was written, with loose and with tight tolerances; for a strict row by the strict protocol too."""
        task = self.row.task
        predictions = TASKS[task].read_predictions(Tree(file), self.root.games[split], strict=False)
        given: Any = {"labels": self.truth(split), "predictions": predictions, "split": split}
        found = evaluate_loose_and_tight(task, **given)
        if getattr(self.row, "strict", False):
            strict = evaluate_loose_and_tight(task, **given, protocol="strict")
            found |= {f"{name} strict": evaluation for name, evaluation in strict.items()}
        return found
