"""What an experiment leaves to its task: which labels, what is trained, how detections are made, kept and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from soccerbench.features.dataset import Dataset
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation
from soccerbench.specs.base import BaseRow
from soccerbench.specs.spotting import Row, SpottingRow
from soccerbench.training.loop import Task


class Job(Protocol):
    """One row's work on one root."""

    label_files: tuple[str, ...]

    def check_labels(self, split: str) -> None:
        """Read what a split's games are trained, predicted or scored with.

        Raises:
            InputError: labels that cannot be used.
        """

    def can_predict(self, split: str) -> bool:
        """Whether the root says what is asked for in a split."""

    def can_score(self, split: str) -> bool:
        """Whether the root holds a split's ground truth; that of the real challenge it does not."""

    def task(self) -> Task[Any]:
        """What is trained."""

    def predict(
        self, model: nn.Module | None, games: Sequence[str], split: str, device: torch.device, progress: Progress
    ) -> Any:
        """The detections of a split, one item a game; no model for a row without one."""

    def write(self, file: Path, predictions: Any) -> None:
        """Keep detections as the official zip."""

    def score(self, file: Path, games: Sequence[str], split: str) -> Mapping[str, Evaluation]:
        """Score what was kept, with loose and with tight tolerances."""


def job_of(
    row: Row, root: Dataset, *, head: type[nn.Module] | None = None, folder_of: Callable[[BaseRow], Path] | None = None
) -> Job:
    """The job of a row.

    Args:
        row: the spec.
        root: the data.
        head: the class of a user's own head.
        folder_of: where the run lies of a row that this one needs.
    """
    if isinstance(row, SpottingRow):
        from soccerbench.experiments.spotting import SpottingJob

        return SpottingJob(row, root, head)
    from soccerbench.experiments.grounding import GroundingJob

    assert folder_of is not None
    return GroundingJob(row, root, folder_of)
