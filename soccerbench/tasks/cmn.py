"""Replay grounding with CALF-more-negative: training pairs, the loss, and detections for a game.

Source: the released CALF-more-negative code (sn-grounding), as the paper's baseline.

Conventions
    pair      a chunk and the replay's clip, tiled to the chunk's length
    step      one sample of each replay in the batch, so that an epoch has as many steps a batch as samples a replay
    sliding   the stride of the chunks is their length minus a receptive field, and the last one ends with the half; a
              detection counts only in the middle of its chunk, and up to the half's edges in the first and the last

Sampling: in each epoch, per replay, one chunk around its event, one around any annotated event of the same class and
half, its own included, and some anywhere in the half. Targets come from the true position of the event, so that a chunk
meant as a negative may contain it.

    around   the event is more than a receptive field behind the chunk's first row, and at least one before its end
    anywhere the first row is drawn from the whole half
    edges    a chunk that would reach the half's last row is moved back before it; a half no longer than a chunk starts
             at its first row and repeats its last
    alone    where no event of the class is annotated in the half, a chunk anywhere takes its place
    shift    row minus row of the event
    offset   rows from the chunk's first row to the event over the chunk's rows T; read as floor(offset · (T - 1))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.events import Events
from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.models.cmn import Cmn, segmentation_loss, spotting_loss
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, ReplayDetections
from soccerbench.soccernet.replays import GameReplays, Replay
from soccerbench.specs.grounding import CmnRow, CmnSampling
from soccerbench.tasks.grounding_postprocess import detections_of
from soccerbench.tasks.replay_queries import (
    VALID_SEED,
    GroundingTask,
    Query,
    clip,
    event_rows,
    half_lengths_s,
    query,
    tiled,
)

CLIPS_PER_BATCH, PAIRS_PER_BATCH = 16, 128
Rows = NDArray[np.int64]
EventRows = Mapping[tuple[str, int, int], Sequence[int]]  # by game, half and class


class CmnSampler:
    """Draws the first rows of chunks for replays."""

    def __init__(
        self, queries: Sequence[Query], lengths: Sequence[int], events: EventRows, *, chunk: int, field: int
    ) -> None:
        self.queries, self.lengths, self.events, self.chunk, self.field = queries, lengths, events, chunk, field

    def rounds(self, chosen: Rows, sampling: CmnSampling, rng: np.random.Generator) -> Iterator[Rows]:
        """The first rows of one chunk for each chosen replay, kind after kind."""
        kinds = [self.positive] * sampling.positive + [self.same_class] * sampling.same_class
        for kind in [*kinds, *[self.anywhere] * sampling.random]:
            yield np.array([kind(number, rng) for number in chosen.tolist()], dtype=np.int64)

    def positive(self, number: int, rng: np.random.Generator) -> int:
        """A chunk around the replay's own event."""
        return self._around(number, self.queries[number].event, rng)

    def same_class(self, number: int, rng: np.random.Generator) -> int:
        """A chunk around an annotated event of the same class in the same half."""
        asked = self.queries[number]
        rows = self.events.get((asked.game, asked.half, asked.label), [])
        return self._around(number, int(rng.choice(rows)), rng) if len(rows) else self.anywhere(number, rng)

    def anywhere(self, number: int, rng: np.random.Generator) -> int:
        """A chunk anywhere in the half."""
        return self._inside(number, int(rng.integers(0, self.lengths[number])))

    def targets(self, chosen: Rows, starts: Rows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The targets: shifts (B, T, 1), and presence and offset (B, 1, 2)."""
        events = np.array([self.queries[number].event for number in chosen.tolist()])
        place = events - starts  # (B,) row of the event in its chunk
        shifts = (np.arange(self.chunk) - place[:, None]).astype(np.float32)
        present = (place >= 0) & (place < self.chunk)
        spotting = np.stack([present, np.where(present, place / self.chunk, 0)], axis=-1)
        return shifts[..., None], spotting[:, None].astype(np.float32)

    def _around(self, number: int, event: int, rng: np.random.Generator) -> int:
        return self._inside(number, event - int(rng.integers(self.field + 1, self.chunk - self.field + 1)))

    def _inside(self, number: int, start: int) -> int:
        return max(min(start, self.lengths[number] - self.chunk - 1), 0)


class Batch(NamedTuple):
    """Pairs and their targets."""

    pairs: Tensor  # (B, 2, T, C)
    shifts: Tensor  # (B, T, 1)
    targets: Tensor  # (B, 1, 2)


class CmnTask(GroundingTask[CmnRow]):
    """The task of Cmn, which looks at all of a replay's half.

    Args:
        events: the annotated events of the games; those that replays show, where a game has none.
    """

    def __init__(
        self, row: CmnRow, store: FeatureStore, *, events: Mapping[str, Events] | None = None, **games: Any
    ) -> None:
        super().__init__(row, store, **games)
        self.chunk, self.field = (row.whole_rows(key, store.fps) for key in ("chunk_s", "receptive_field_s"))
        rows = self._event_rows(events or {})
        self._training, self._validation = (self._sampler(queries, rows) for queries in (self._train, self._valid))
        self._valid_seed = VALID_SEED

    def head(self) -> nn.Module:
        """A fresh head, drawn from torch's global generator."""
        return Cmn(self.store.width, chunk_frames=self.chunk, field_frames=self.field)

    @property
    def steps(self) -> int:
        """Batches in one epoch; about half of them where the row skips the others."""
        sampling = self.row.sampling
        samples = sampling.positive + sampling.same_class + sampling.random
        return -(-len(self._train) // self.row.batch_size) * samples

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: every sample of every replay, in batches of replays in random order."""
        if self.row.sampling.redraw_validation:
            self._valid_seed = int(rng.integers(2**32))
        order = rng.permutation(len(self._train))
        yield from self._batches(self._training, order, rng, skip=self.row.sampling.skip_half_the_batches)

    def valid_batches(self) -> Iterator[Batch]:
        """Samples of every validation replay: the same each time, unless the row draws others in each epoch."""
        order = np.arange(len(self._valid))
        yield from self._batches(self._validation, order, np.random.default_rng(self._valid_seed), skip=False)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The two losses of CALF, weighted, over the pairs of the batch."""
        losses, (segmentation, spotting) = self.row.losses, model(batch.pairs)
        k1, k2, k3, k4 = (second * self.store.fps for second in losses.k_s)
        segmenting = segmentation_loss(
            segmentation=segmentation.float(), shifts=batch.shifts, k_frames=(k1, k2, k3, k4),
            border_frames=self.field // 2, hit=losses.hit, miss=losses.miss,
        )  # fmt: skip
        spotted = spotting_loss(
            spotting=spotting.float(), targets=batch.targets, coordinate=losses.coordinate, no_object=losses.no_object
        )
        return (losses.segmentation * segmenting + losses.spotting * spotted) / len(batch.pairs)

    def detect(self, model: nn.Module, game: GameReplays, device: torch.device) -> GroundingPredictions:
        """Look for every replay of a game in all of its half; links are not read."""
        assert isinstance(model, Cmn)
        found: dict[int, Iterator[ReplayDetections]] = {}
        for half in HALVES:
            replays = [replay for replay in game.replays if replay.half == half]
            found[half] = iter(self._detect_half(model, game.game, half, replays, device) if replays else [])
        in_order = tuple(next(found[replay.half]) for replay in game.replays)
        return GroundingPredictions(game.game, in_order, half_lengths_s(self.store, game.game))

    def candidate(self, game: str, half: int, start: int) -> NDArray[np.float32]:
        """A chunk (T, C) of a half."""
        rows = np.minimum(np.arange(start, start + self.chunk), self.store.length(game, half) - 1)
        return self.store.take(game, half, rows)

    def replay(self, asked: Query) -> NDArray[np.float32]:
        """A replay's clip (T, C)."""
        rows = clip(self.store, asked, longest=self.chunk)
        return tiled(rows, self.chunk, drop_filling_copy=self.row.sampling.drop_filling_copy)

    def _event_rows(self, events: Mapping[str, Events]) -> EventRows:
        rows: dict[tuple[str, int, int], list[int]] = {}
        for asked in (*self._train, *self._valid):
            if asked.game not in events:
                rows.setdefault((asked.game, asked.half, asked.label), []).append(asked.event)
        for game, annotated in events.items():
            for half, label, row in event_rows(self.store, annotated, game, shift_s=self.row.shift_s):
                rows.setdefault((game, half, label), []).append(row)
        return rows

    def _sampler(self, queries: Sequence[Query], rows: EventRows) -> CmnSampler:
        lengths = [self.store.length(asked.game, asked.half) for asked in queries]
        return CmnSampler(queries, lengths, rows, chunk=self.chunk, field=self.field)

    def _batches(self, sampler: CmnSampler, order: Rows, rng: np.random.Generator, *, skip: bool) -> Iterator[Batch]:
        is_empty = True
        for first in range(0, len(order), self.row.batch_size):
            chosen = order[first : first + self.row.batch_size]
            is_last = first + self.row.batch_size >= len(order)
            if skip and rng.random() < 0.5 and not (is_last and is_empty):  # every epoch has at least one batch
                continue
            is_empty = False
            replays = [self.replay(sampler.queries[number]) for number in chosen.tolist()]
            for starts in sampler.rounds(chosen, self.row.sampling, rng):
                pairs = np.empty((len(chosen), 2, self.chunk, self.store.width), dtype=np.float32)
                for pair, replay, number, start in zip(pairs, replays, chosen.tolist(), starts.tolist(), strict=True):
                    asked = sampler.queries[number]
                    pair[0], pair[1] = self.candidate(asked.game, asked.half, start), replay
                yield Batch(torch.from_numpy(pairs), *map(torch.from_numpy, sampler.targets(chosen, starts)))

    def _detect_half(
        self, model: Cmn, game: str, half: int, replays: list[Replay], device: torch.device
    ) -> list[ReplayDetections]:
        starts = chunk_starts(self.store.length(game, half), chunk=self.chunk, field=self.field)
        asked = [query(self.store, game, replay, shift_s=self.row.shift_s) for replay in replays]
        candidates = trunks(model, (self.candidate(game, half, int(start)) for start in starts), device)
        clips = trunks(model, (self.replay(one) for one in asked), device)
        spots = spot_all(model, candidates=candidates, replays=clips).cpu().numpy()  # (replays, chunks, 2)
        rows, kept = assemble(starts, spots[..., 1], chunk=self.chunk, field=self.field)
        detections = []
        for replay, replay_rows, replay_kept, confidence in zip(replays, rows, kept, spots[..., 0], strict=True):
            time_s = replay_rows[replay_kept] / self.store.fps + self.row.shift_s
            detections.append(detections_of(replay, time_s, confidence[replay_kept].astype(np.float64)))
        return detections


def chunk_starts(length: int, *, chunk: int, field: int) -> Rows:
    """First rows of the chunks that cover a half of `length` rows."""
    starts = np.arange(0, max(length - chunk, 0), chunk - field)
    return np.append(starts, max(length - chunk, 0)).astype(np.int64)


def assemble(starts: Rows, offsets: NDArray[np.floating], *, chunk: int, field: int) -> tuple[Rows, NDArray[np.bool_]]:
    """Positions of detections, and which of them count.

    Args:
        starts: (S,) first rows of the chunks.
        offsets: (…, S) of each chunk's detection, in [0, 1].
        field: rows in the receptive field, half of which at either side belongs to the neighbour.

    Returns:
        Rows of the half (…, S), and whether each is in the part of the half that its chunk covers.
    """
    rows = starts + np.floor(offsets * (chunk - 1)).astype(np.int64)
    covers_from = np.append(np.iinfo(np.int64).min, starts[1:] + field // 2)
    covers_to = np.append(starts[1:] + field // 2, np.iinfo(np.int64).max)
    return rows, (rows >= covers_from) & (rows < covers_to)


@torch.no_grad()
def trunks(model: Cmn, clips: Iterator[NDArray[np.float32]], device: torch.device) -> Tensor:
    """Each clip (T, C) through the trunk once: (N, 76, T)."""
    done = []
    while some := list(map(torch.from_numpy, islice(clips, CLIPS_PER_BATCH))):
        done.append(model.trunk(torch.stack(some).to(device)))
    return torch.cat(done)


@torch.no_grad()
def spot_all(model: Cmn, *, candidates: Tensor, replays: Tensor) -> Tensor:
    """Every chunk against every replay, from their trunks: confidence and offset (replays, chunks, 2)."""
    of_candidates, of_replays = model.shares(candidates, replays)
    together = -(-PAIRS_PER_BATCH // len(candidates))
    found = [model.head((some[:, None] + of_candidates).flatten(0, 1))[1] for some in torch.split(of_replays, together)]
    return torch.cat(found).reshape(len(replays), len(candidates), 2)
