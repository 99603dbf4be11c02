"""Replay grounding as detection of a segment, in the style of Faster-TAD: samples, the loss, and detections for a game.

Source: OPPO's report on replay grounding (2022, arXiv 2411.00881) for the segment, the joined mean of the replay, the
seconds before it and the rescoring; what it leaves open is an `assumed` entry of the row or documented here.

Conventions
    sample     a replay and the `chunk_s` before its start, every replay once an epoch in random order
    inside     rows of the half; rows before it repeat its first row and count in no loss
    segment    `segment_s` from the event on; a replay whose event is not before it has none
    offset     the part of the segment that is before a frame, in [0, 1)
    detection  one a row of the `before_s` before the replay: score = sigmoid of the logit, time = row - offset
    rescored   score times the smoothed number of training replays with the same delay, the largest being 1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.features.store import FeatureStore
from soccerbench.models.faster_tad import FasterTad
from soccerbench.soccernet.grounding_predictions import ReplayDetections
from soccerbench.soccernet.replays import Replay
from soccerbench.specs.grounding import FasterTadRow
from soccerbench.tasks.grounding_postprocess import detections_of
from soccerbench.tasks.replay_queries import GroundingTask, Query, clip, padded


class Batch(NamedTuple):
    """The rows before replays, the replays, and the segments to be found."""

    frames: Tensor  # (B, T, C)
    replays: Tensor  # (B, R, C)
    padding: Tensor  # (B, R), true beyond the end of a replay
    inside: Tensor  # (B, T), 1 for rows of the half
    present: Tensor  # (B, T), 1 in the segment
    offsets: Tensor  # (B, T)


class FasterTadTask(GroundingTask[FasterTadRow]):
    """The task of a detector of segments, which looks at the seconds before each replay."""

    def __init__(self, row: FasterTadRow, store: FeatureStore, **games: Any) -> None:
        super().__init__(row, store, **games)
        self.chunk, self.before, self.segment = (
            row.whole_rows(key, store.fps) for key in ("chunk_s", "before_s", "segment_s")
        )

    def head(self) -> nn.Module:
        """A fresh head that knows the delays of the training replays."""
        head = FasterTad(self.store.width, delays=self.chunk, **self.row.architecture.model_dump())
        delays = np.array([asked.start - asked.event for asked in self._train], dtype=np.int64)
        known = delays[(delays > 0) & (delays <= self.chunk)]
        head.delays.copy_(torch.from_numpy(np.bincount(known - 1, minlength=self.chunk)))
        return head

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-len(self._train) // self.row.batch_size)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch of all replays, in random order."""
        return self._batches([self._train[number] for number in rng.permutation(len(self._train)).tolist()])

    def valid_batches(self) -> Iterator[Batch]:
        """Every validation replay; nothing in ultra mode."""
        return self._batches(self._valid)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Binary cross-entropy of each row being in the segment, and the squared error of the offset inside it."""
        logits = model(batch.frames, batch.replays, batch.padding).float()  # (B, T, 2)
        presence = F.binary_cross_entropy_with_logits(logits[..., 0], batch.present, batch.inside, reduction="sum")
        errors = (logits[..., 1].sigmoid() - batch.offsets).square() * batch.present
        offset = self.row.offset_loss * errors.sum() / batch.present.sum().clamp(min=1)
        loss: Tensor = presence / batch.inside.sum().clamp(min=1) + offset
        return loss

    def detections(
        self, model: FasterTad, replays: Sequence[Replay], asked: Sequence[Query], tokens: Mapping[int, Tensor]
    ) -> list[ReplayDetections]:
        """One detection a row of the half before each replay, from the embedded rows (T, d) of each half."""
        weights = self.weights(model.delays.double().cpu().numpy())
        rows = [self.rows(one, self.before) for one in asked]
        frames = torch.stack([tokens[one.half][mine.clip(0)] for one, mine in zip(asked, rows, strict=True)])
        clips = [tokens[one.half][one.start : min(one.stop, one.start + self.chunk)] for one in asked]
        found = model.head(frames, *padded(clips)).double().sigmoid().cpu().numpy()
        detected = []
        for replay, one, mine, logits in zip(replays, asked, rows, found, strict=True):
            score, offset = logits[mine >= 0].T
            event = mine[mine >= 0] - offset * self.segment
            delay = np.clip(np.rint(one.start - event).astype(np.int64), 1, len(weights))
            time_s = event / self.store.fps + self.row.shift_s
            detected.append(detections_of(replay, time_s, score * weights[delay - 1]))
        return detected

    def weights(self, delays: NDArray[np.float64]) -> NDArray[np.float64]:
        """What scores are multiplied by for each delay in rows, from 1 on: `delays` averaged over `rescore_s`."""
        if self.row.rescore_s is None or not delays.any():
            return np.ones_like(delays)
        reach = round(self.row.rescore_s * self.store.fps) // 2
        sums = np.convolve(delays, np.ones(2 * reach + 1), mode="same")
        counts = np.convolve(np.ones_like(delays), np.ones(2 * reach + 1), mode="same")
        smooth: NDArray[np.float64] = sums / counts / (sums / counts).max()
        return smooth

    @staticmethod
    def rows(asked: Query, count: int) -> NDArray[np.int64]:
        """The rows before a replay; below 0 where the half begins after them."""
        return np.arange(asked.start - count, asked.start)

    def _batches(self, queries: Sequence[Query]) -> Iterator[Batch]:
        for first in range(0, len(queries), self.row.batch_size):
            yield self._batch(queries[first : first + self.row.batch_size])

    def _batch(self, queries: Sequence[Query]) -> Batch:
        rows = np.stack([self.rows(asked, self.chunk) for asked in queries])  # (B, T)
        frames = np.stack(
            [self.store.take(asked.game, asked.half, mine.clip(0)) for asked, mine in zip(queries, rows, strict=True)]
        )
        passed = rows - np.array([asked.event for asked in queries])[:, None]  # since the event
        present = (rows >= 0) & (passed >= 0) & (passed < self.segment)
        clips = [torch.from_numpy(clip(self.store, asked, longest=self.chunk)) for asked in queries]
        targets = (rows >= 0, present, np.where(present, passed / self.segment, 0))
        return Batch(
            torch.from_numpy(frames), *padded(clips), *(torch.from_numpy(each.astype(np.float32)) for each in targets)
        )
