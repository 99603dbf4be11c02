"""Replays on the grid of a feature store, the clips that show them, and what all tasks of grounding have in common.

Source: the released CALF-more-negative code for which replays are learnt from and how a clip is filled.

Conventions
    row      of the features; row i is at second i / fps + shift
    event    the whole second of the link, which is what is scored
    learnt   replays whose event is in the same half and within its features; others are not used in training
    clip     the rows a replay covers, at least one, also where it lasts zero seconds
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import CAMERA_LABELS, GameReplays, Replay
from soccerbench.specs.grounding import LearnedRow
from soccerbench.tasks.block_statistics import standardised
from soccerbench.tasks.windows import embedded_half

MAX_LATE_S = 120  # a replay this far past a half's last row is a wrong label or a wrong feature file
SHUFFLE_SEED, VALID_SEED = 1, 2  # the same draws in every run
Rows = NDArray[np.float32]
RowT = TypeVar("RowT", bound=LearnedRow)


@dataclass(frozen=True)
class Query:
    """One replay whose event is to be found."""

    game: str  # its game
    half: int  # 1 or 2
    start: int  # first row of the replay
    stop: int  # row after its last; above `start`
    event: int = -1  # row of its event; -1 where it is not known
    label: int = -1  # index of the event's class; -1 where it is not known


def query(store: FeatureStore, game: str, replay: Replay, *, shift_s: float) -> Query:
    """A replay on the grid, without its event."""
    length = store.length(game, replay.half)
    if replay.end_ms / 1000 > length / store.fps + MAX_LATE_S:
        raise InputError(
            store.root / game / CAMERA_LABELS,
            f"half {replay.half}: a replay at {replay.end_ms / 1000:.0f} s, "
            f"but the features end at {length / store.fps:.0f} s",
            "use labels and features of the same game",
        )
    start, stop = (round((at_ms / 1000 - shift_s) * store.fps) for at_ms in (replay.start_ms, replay.end_ms))
    start = min(max(start, 0), length - 1)
    return Query(game, replay.half, start, min(max(stop, start + 1), length))


def learnt(
    store: FeatureStore, games: Mapping[str, GameReplays], *, shift_s: float, shuffle: bool = False
) -> list[Query]:
    """The replays of some games that can be learnt from, with their events; `shuffle` as in `shuffled`."""
    found = []
    for game, read in games.items():
        for replay in read.replays:
            asked = query(store, game, replay, shift_s=shift_s)
            if replay.link is not None and replay.same_half:
                event = int(np.floor((replay.link.second - shift_s) * store.fps))
                found.append(replace(asked, event=event, label=replay.link.label))
    queries = shuffled(found, np.random.default_rng(SHUFFLE_SEED)) if shuffle else found
    return [asked for asked in queries if 0 <= asked.event < store.length(asked.game, asked.half)]


def shuffled(queries: Sequence[Query], rng: np.random.Generator) -> list[Query]:
    """The same replays with the events of all of them, whatever their game, reassigned at random: a control.

    A reassigned event is a moment of another game, at which nothing need happen in this one.
    """
    order = rng.permutation(len(queries)).tolist()
    return [
        replace(asked, event=queries[other].event, label=queries[other].label)
        for asked, other in zip(queries, order, strict=True)
    ]


def clip(store: FeatureStore, asked: Query, *, longest: int) -> Rows:
    """The features of a replay, (R, C), at most `longest` rows: of a longer one its first."""
    return store.take(asked.game, asked.half, np.arange(asked.start, min(asked.stop, asked.start + longest)))


def event_rows(store: FeatureStore, events: Events, game: str, *, shift_s: float) -> list[tuple[int, int, int]]:
    """Half, class and row of each annotated event of a game; the whole second counts, at most the half's last row."""
    found = []
    for half, label, second in zip(
        events.half.tolist(), events.label.tolist(), events.position_ms // 1000, strict=True
    ):
        row = int(np.floor((int(second) - shift_s) * store.fps))
        found.append((half, label, min(max(row, 0), store.length(game, half) - 1)))
    return found


def tiled(rows: Rows, length: int, *, drop_filling_copy: bool = False) -> Rows:
    """A replay (R, C), R up to `length`, repeated as often as it fits as a whole; the rest of (length, C) is zero.

    The released code drops a copy that ends exactly with the clip, so that a replay as long as the clip becomes all
    zero; `drop_filling_copy` does the same.
    """
    filled = np.zeros((length, rows.shape[1]), dtype=np.float32)
    copies = (length - drop_filling_copy) // len(rows)
    filled[: copies * len(rows)] = np.tile(rows, (copies, 1))
    return filled


def padded(clips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Clips (R, C) of many lengths as one (B, R, C), zero at the end, and where they are filled up (B, R)."""
    lengths = torch.tensor([len(one) for one in clips], device=clips[0].device)
    joined = pad_sequence(list(clips), batch_first=True)
    return joined, torch.arange(joined.shape[1], device=joined.device) >= lengths[:, None]


def half_lengths_s(store: FeatureStore, game: str) -> tuple[float, float]:
    """How long the halves of a game are, in seconds."""
    first, second = (store.length(game, half) / store.fps for half in HALVES)
    return first, second


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
            replays = game.replays[first : first + self.replays_per_batch]
            asked = [query(self.store, game.game, replay, shift_s=self.row.shift_s) for replay in replays]
            found += self.detections(model, replays, asked, tokens)
        return GroundingPredictions(game.game, tuple(found), half_lengths_s(self.store, game.game))

    def detections(
        self, model: Any, replays: Sequence[Replay], asked: Sequence[Query], tokens: Mapping[int, Tensor]
    ) -> list[ReplayDetections]:
        """Detections of some replays, from the embedded rows (T, d) of each half; what `detect` asks for."""
        raise NotImplementedError
