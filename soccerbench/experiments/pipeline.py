"""What an experiment leaves to its task: which labels it reads, what is trained, how detections are made and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

from soccerbench.experiments.grounding import GroundingPipeline
from soccerbench.experiments.spotting import SpottingPipeline
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.progress import Progress
from soccerbench.scoring.evaluate import Evaluation
from soccerbench.specs.base import Training
from soccerbench.specs.spotting import Row
from soccerbench.training.loop import Trainable


class Pipeline(Protocol):
    """One row's work on one dataset.

    Attributes:
        label_files: names of the label files that count.
    """

    label_files: ClassVar[tuple[str, ...]]

    def check_labels(self, split: str) -> None:
        """Read what a split's games are trained, predicted or scored with.

        Raises:
            InputError: labels that cannot be used.
        """

    def can_predict(self, split: str) -> bool:
        """Whether the dataset says what to look for in a split."""

    def can_score(self, split: str) -> bool:
        """Whether the dataset has a split's ground truth; that of the real challenge is withheld."""

    def trainable(self) -> Trainable[Any]:
        """What is trained."""

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
        """Write the detections of a split as the official zip; no model for a row without one."""

    def score(self, file: Path, split: str, games: Sequence[str]) -> Mapping[str, Evaluation]:
        """Score what was written, with loose and with tight tolerances."""


PIPELINES: dict[str, type[SpottingPipeline] | type[GroundingPipeline]] = {
    "spotting": SpottingPipeline,
    "grounding": GroundingPipeline,
}


def pipeline_of(
    row: Row,
    root: Dataset,
    store: FeatureStore | None,
    *,
    plugin: Path | None,
    folders: Sequence[Path],
    training: Training | None = None,
) -> Pipeline:
    """The pipeline of a row.

    Args:
        row: the spec.
        root: the data.
        store: the row's features; None for a row that reads none.
        plugin: the file of a custom head.
        folders: of the runs that the row needs, in the order of `row.runs`.
        training: the one of the row's that is made; its first if not given.
    """
    kind: Any = PIPELINES[row.task]
    pipeline: Pipeline = kind(row, root, store, plugin=plugin, folders=folders, training=training)
    return pipeline
