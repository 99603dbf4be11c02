"""Replay grounding with the transformer of the paper: training chunks, the loss, and detections for a game.

Source: section 3.2.2 of the paper; what it leaves open is an `assumed` entry of the row or documented here.

Conventions
    before     the seconds before the replay that are searched; a chunk ends where the replay starts at the latest, so
               that it never shows the replay itself, and rows missing there repeat the last one before it
    stride     chunks are counted back from the last one; one more begins at the first searched row, if none did
    positive   the replay's event is in the chunk; a replay whose event is in no chunk has only negatives
    offset     of the event, from the chunk's start (0) to its end (1)
    sample     a chunk and a replay; an epoch takes all samples of all replays in random order
    detection  one a chunk: score = sigmoid of the replay logit, time = chunk start + offset · chunk
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.features.store import FeatureStore
from soccerbench.models.grounding_transformer import GroundingTransformer
from soccerbench.soccernet.grounding_predictions import ReplayDetections
from soccerbench.soccernet.replays import Replay
from soccerbench.specs.grounding import GroundingTransformerRow
from soccerbench.tasks.grounding_postprocess import detections_of
from soccerbench.tasks.replay_queries import VALID_SEED, GroundingTask, Query, clip, padded


class Batch(NamedTuple):
    """Chunks and replays, and whether and where the event is in the chunk."""

    chunks: Tensor  # (B, T, C)
    replays: Tensor  # (B, R, C)
    padding: Tensor  # (B, R), true beyond the end of a replay
    present: Tensor  # (B,)
    offsets: Tensor  # (B,)


class GroundingTransformerTask(GroundingTask[GroundingTransformerRow]):
    """The task of the grounding transformer, which looks at chunks of the seconds before each replay."""

    replays_per_batch = 16

    def __init__(self, row: GroundingTransformerRow, store: FeatureStore, **games: Any) -> None:
        super().__init__(row, store, **games)
        self.chunk, self.before = (row.whole_rows(key, store.fps) for key in ("chunk_s", "before_s"))
        self.stride = max(round(row.stride_s * store.fps), 1)

    def head(self) -> nn.Module:
        """A fresh head, drawn from torch's global generator."""
        return GroundingTransformer(self.store.width, **self.row.architecture.model_dump())

    @cached_property
    def steps(self) -> int:
        """Batches in one epoch."""
        positive, negative = self.row.samples.positive, self.row.samples.negative
        splits = [self._split(asked) for asked in self._train]
        samples = sum(positive * bool(len(present)) + negative * bool(len(absent)) for present, absent in splits)
        return -(-samples // self.row.batch_size)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: freshly drawn chunks of every replay, in random order."""
        yield from self._batches(self._train, rng)

    def valid_batches(self) -> Iterator[Batch]:
        """The same chunks of every validation replay each time; nothing in ultra mode."""
        yield from self._batches(self._valid, np.random.default_rng(VALID_SEED))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Binary cross-entropy of the presence, and the squared error of the offset where there is an event."""
        logits = model(batch.chunks, batch.replays, batch.padding).float()  # (B, 2)
        presence = F.binary_cross_entropy_with_logits(logits[:, 0], batch.present)
        errors = (logits[:, 1].sigmoid() - batch.offsets).square() * batch.present
        loss: Tensor = presence + self.row.offset_loss * errors.sum() / batch.present.sum().clamp(min=1)
        return loss

    def detections(
        self, model: GroundingTransformer, replays: Sequence[Replay], asked: Sequence[Query],
        tokens: Mapping[int, Tensor],
    ) -> list[ReplayDetections]:  # fmt: skip
        """One detection a chunk before each replay, from the embedded rows (T, d) of each half."""
        starts = [self.starts(one, stride=self.stride) for one in asked]
        owners = np.repeat(np.arange(len(asked)), [len(one) for one in starts])
        if not len(owners):
            return [detections_of(replay, np.empty(0), np.empty(0)) for replay in replays]
        chunks, clips = [], []
        for one, first_rows in zip(asked, starts, strict=True):
            chunks += [tokens[one.half][self._rows(one, start)] for start in first_rows.tolist()]
            clips.append(tokens[one.half][one.start : min(one.stop, one.start + self.before)])
        replay_tokens, padding = padded(clips)
        logits = model.head(torch.stack(chunks), replay_tokens[owners], padding[owners]).float().sigmoid()
        score, offset = logits.double().cpu().numpy().T
        time_s = (np.concatenate(starts) + offset * self.chunk) / self.store.fps + self.row.shift_s
        bounds = np.cumsum([len(one) for one in starts])[:-1]
        return [
            detections_of(replay, *columns)
            for replay, *columns in zip(replays, np.split(time_s, bounds), np.split(score, bounds), strict=True)
        ]

    def starts(self, asked: Query, *, stride: int) -> NDArray[np.int64]:
        """First rows of the chunks before a replay, in order; none where it starts with the half."""
        if asked.start == 0:
            return np.empty(0, dtype=np.int64)
        first, last = max(asked.start - self.before, 0), max(asked.start - self.chunk, 0)
        return np.unique(np.append(np.arange(last, first, -stride, dtype=np.int64), first))

    def _rows(self, asked: Query, start: int) -> NDArray[np.int64]:
        return np.minimum(np.arange(start, start + self.chunk), asked.start - 1)

    def _split(self, asked: Query) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First rows of the chunks with the event and of those without."""
        starts = self.starts(asked, stride=1)
        present = (asked.event >= starts) & (asked.event < starts + self.chunk)
        return starts[present & (asked.event < asked.start)], starts[~present]

    def _batches(self, queries: Sequence[Query], rng: np.random.Generator) -> Iterator[Batch]:
        samples: list[tuple[int, int, float]] = []  # replay, first row, offset or -1
        for number, asked in enumerate(queries):
            present, absent = self._split(asked)
            if len(present):
                drawn = rng.choice(present, self.row.samples.positive)
                samples += [(number, start, (asked.event - start) / self.chunk) for start in drawn.tolist()]
            if len(absent):
                drawn = rng.choice(absent, self.row.samples.negative)
                samples += [(number, start, -1.0) for start in drawn.tolist()]
        order = rng.permutation(len(samples)).tolist()
        for first in range(0, len(order), self.row.batch_size):
            yield self._batch(queries, [samples[place] for place in order[first : first + self.row.batch_size]])

    def _batch(self, queries: Sequence[Query], samples: Sequence[tuple[int, int, float]]) -> Batch:
        chunks = np.empty((len(samples), self.chunk, self.store.width), dtype=np.float32)
        clips = []
        for chunk, (number, start, _) in zip(chunks, samples, strict=True):
            asked = queries[number]
            chunk[:] = self.store.take(asked.game, asked.half, self._rows(asked, start))
            clips.append(torch.from_numpy(clip(self.store, asked, longest=self.before)))
        offsets = torch.tensor([offset for *_, offset in samples], dtype=torch.float32)
        return Batch(torch.from_numpy(chunks), *padded(clips), (offsets >= 0).float(), offsets.clamp(min=0))
