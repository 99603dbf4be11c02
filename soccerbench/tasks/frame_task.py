"""What all tasks of action spotting have in common: a head whose scores are given frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from soccerbench.events import Events
from soccerbench.features.store import FeatureStore
from soccerbench.specs.heads import HEADS, load_head
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.block_statistics import standardised
from soccerbench.tasks.spotting_steps import FrameScores
from soccerbench.tasks.windows import Windows, has_room


class Sampled(Protocol):
    """What a task draws from: windows of features in some games."""

    windows: Windows
    games: list[str]  # whose windows they are


RowT = TypeVar("RowT", bound=SpottingRow)
SampledT = TypeVar("SampledT", bound=Sampled)


class FrameTask(ABC, Generic[RowT, SampledT]):
    """The task of one row, for the training loop and the predictor.

    Args:
        train: games to learn from, with their labels.
        valid: games to choose the epoch by; none in ultra mode.
        head: the class of the head, for a custom head.
    """

    def __init__(
        self,
        row: RowT,
        store: FeatureStore,
        *,
        train: Mapping[str, Events],
        valid: Mapping[str, Events],
        head: type[nn.Module] | None = None,
    ) -> None:
        self.row, self.store = row, store
        self.kind: type[Any] = head or load_head(row)
        self.train = self.sampled(train)
        self.valid = self.sampled(valid) if valid else None

    @abstractmethod
    def sampled(self, labels: Mapping[str, Events]) -> SampledT:
        """The windows of some games and their targets."""

    @staticmethod
    @abstractmethod
    def build(row: RowT, widths: Sequence[int], fps: int, head: type[Any]) -> nn.Module:
        """The head of a row for blocks of these widths."""

    @staticmethod
    @abstractmethod
    def scores(row: RowT, model: nn.Module, features: Tensor, fps: int) -> FrameScores:
        """The scores of a half (T, C), and the displacements where the head has them."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Batches in one epoch."""

    def model(self) -> nn.Module:
        """A fresh head, drawn from torch's global generator; for a row that standardises, behind the statistics."""
        return self.behind_statistics(self.build(self.row, self.store.widths, self.store.fps, self.kind))

    def behind_statistics(self, model: nn.Module) -> nn.Module:
        """A head behind the statistics of the training games, if the row standardises."""
        return standardised(model, self.store, self.train.games) if self.row.standardise else model

    def hold(self, device: torch.device) -> None:
        """Cache the features on the device if there is room; otherwise stream windows to a GPU."""
        for sampled in filter(None, (self.train, self.valid)):
            if has_room(device, self.store, sampled.games):
                sampled.windows.hold(sampled.games, device)
            elif device.type == "cuda":
                sampled.windows.stream()

    @property
    def replayable(self) -> bool:
        """Whether a step may be recorded and replayed: control flow of shipped heads does not depend on values."""
        return self.row.head in HEADS
