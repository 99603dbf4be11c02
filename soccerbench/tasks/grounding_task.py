"""What the tasks of replay grounding have in common: replays to learn from, and a head behind an embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from soccerbench.features.store import FeatureStore
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Replay
from soccerbench.specs.grounding import LearnedRow
from soccerbench.tasks.block_statistics import standardised
from soccerbench.tasks.feature_cache import embedded_half
from soccerbench.tasks.replay_queries import half_lengths_s, learnt

RowT = TypeVar("RowT", bound=LearnedRow)


class GroundingTask(ABC, Generic[RowT]):
    """The task of one row, for the training loop and the predictor.

    Args:
        train: games to learn from, with their replays.
        valid: games to choose the epoch by; none in ultra mode.
    """

    replays_per_batch: ClassVar[int] = 64

    def __init__(
        self, row: RowT, store: FeatureStore, *, train: Mapping[str, GameReplays], valid: Mapping[str, GameReplays]
    ) -> None:
        self.row, self.store, self._games = row, store, tuple(train)
        self._train, self._valid = (
            learnt(store, games, shift_s=row.shift_s, shuffle=row.shuffle_links) for games in (train, valid)
        )

    @abstractmethod
    def head(self) -> nn.Module:
        """A fresh head, drawn from torch's global generator."""

    def model(self) -> nn.Module:
        """A fresh head; if the row standardises, with its embedding behind the statistics of the training games."""
        head: Any = self.head()
        if self.row.standardise:
            head.set_submodule("embed", standardised(head.embed, self.store, self._games))
        return head  # type: ignore[no-any-return]

    @torch.no_grad()
    def detect(self, model: nn.Module, game: GameReplays, device: torch.device) -> GroundingPredictions:
        """Look for every replay of a game; links are not read."""
        embed: Any = model.embed
        halves = sorted({replay.half for replay in game.replays})
        tokens = {half: embedded_half(embed, self.store, game.game, half, device) for half in halves}
        found: list[ReplayDetections] = []
        for first in range(0, len(game.replays), self.replays_per_batch):
            found += self.detections(model, game.game, game.replays[first : first + self.replays_per_batch], tokens)
        return GroundingPredictions(game.game, tuple(found), half_lengths_s(self.store, game.game))

    def detections(
        self, model: Any, game: str, replays: Sequence[Replay], tokens: Mapping[int, Tensor]
    ) -> list[ReplayDetections]:
        """Detections of some replays, from the embedded rows (T, d) of each half; what `detect` asks for."""
        raise NotImplementedError
