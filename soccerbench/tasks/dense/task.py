"""Action spotting with a head that scores every frame: chunks, the loss, and detections for a game.

Conventions
    row     of features, i, is at second i / fps + shift_s
    frame   `frames_per_row` fill the time of a row; a chunk's frames are computed from its own rows alone
    chunk   starts at a random row, each start of each half being as likely as any other; drawn again in each epoch
    valid   chunks end to end; the last one ends where the half ends
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.events import Events
from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.models.dense.contract import Apart, DenseHead, DenseOutput, Layout
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.dense import FocalBinary
from soccerbench.specs.spotting import DenseRow
from soccerbench.tasks.dense.inference import chunk_starts, dense_scores
from soccerbench.tasks.dense.losses import best_constants, best_log_variance, displacement_loss, score_loss
from soccerbench.tasks.dense.mixup_queue import mixed_with_earlier
from soccerbench.tasks.dense.targets import displacement_targets, offsets, score_targets
from soccerbench.tasks.frame_task import FrameTask
from soccerbench.tasks.spotting import event_rows, mix_up
from soccerbench.tasks.spotting_steps import FrameScores
from soccerbench.tasks.windows import Place, Windows

VALID_CHUNKS = 32  # validated at a time, at least


class DenseBatch(NamedTuple):
    """Chunks and their targets; without displacements the last two are empty."""

    features: Tensor  # (B, T, C)
    targets: Tensor  # (B, T', K)
    displacement: Tensor  # (B, T', 17, 1 or 0), in frames
    near: Tensor  # the same, 1 where there is one


class Chunks:
    """The chunks of some games and their targets.

    Args:
        labels: game -> its annotations, for each game that is used.

    Raises:
        InputError: features that cannot be read, or an event far beyond the end of its half.
    """

    def __init__(self, store: FeatureStore, labels: Mapping[str, Events], row: DenseRow) -> None:
        self.store, self.row, self.games = store, row, list(labels)
        self.rows = row.whole_rows("chunk_s", store.fps)
        self.windows = Windows(store, self.rows)
        self._frames_per_s, self._first_s = row.grid(store.fps)
        self._reach_s = max(row.radius_s, row.displacement.radius_s if row.displacement else 0)
        self._halves = [(game, half) for game in self.games for half in HALVES]
        self._events: dict[tuple[str, int], tuple[NDArray[np.float64], NDArray[np.int64]]] = {}
        for game, half in self._halves:
            event_rows(store, labels[game], half, shift_s=row.shift_s)  # raises where labels and features differ
            mine = labels[game].half == half
            self._events[game, half] = labels[game].position_ms[mine] / 1000, labels[game].label[mine]
        if row.shuffle_labels:  # each half has the events of another
            given = list(self._events.values())
            order = np.random.default_rng(0).permutation(len(given))
            self._events = {key: given[other] for key, other in zip(self._events, order, strict=True)}
        starts = [max(store.length(*key) - self.rows, 0) + 1 for key in self._halves]
        self._starts = np.cumsum([0, *starts])  # the number of starts in the halves before each, and in all

    def draw(self, rng: np.random.Generator, count: int) -> list[Place]:
        """Random places, each start of each half as likely as any other."""
        numbers = rng.integers(self._starts[-1], size=count)
        halves = np.searchsorted(self._starts, numbers, side="right") - 1
        rows = numbers - self._starts[halves]
        return [(*self._halves[half], row) for half, row in zip(halves.tolist(), rows.tolist(), strict=True)]

    def all(self) -> list[Place]:
        """The places of chunks end to end over each half."""
        return [
            (*key, start)
            for key in self._halves
            for start in chunk_starts(self.store.length(*key), chunk=self.rows, stride=self.rows)
        ]

    def read(self, places: Sequence[Place]) -> DenseBatch:
        """The chunks at some places."""
        columns = zip(*(self._targets(*place, self.rows) for place in places), strict=True)
        return DenseBatch(self.windows.read(places), *(torch.from_numpy(np.stack(column)) for column in columns))

    def positives(self) -> NDArray[np.float64]:
        """(K,) the share of all frames that are positives of each output."""
        found = [self._targets(*key, 0, self.store.length(*key))[0] for key in self._halves]
        shares: NDArray[np.float64] = np.concatenate(found).mean(axis=0, dtype=np.float64)
        return shares

    def batches(self, places: Sequence[Place], size: int) -> Iterator[DenseBatch]:
        """The chunks at some places, `size` at a time."""
        return (self.read(places[start : start + size]) for start in range(0, len(places), size))

    def _targets(self, game: str, half: int, start: int, rows: int) -> tuple[NDArray[np.float32], ...]:
        frames = np.arange(start * self.row.frames_per_row, (start + rows) * self.row.frames_per_row)
        time_s = self._first_s + frames / self._frames_per_s
        event_s, label = self._events[game, half]
        near = (event_s >= time_s[0] - self._reach_s) & (event_s <= time_s[-1] + self._reach_s)
        offset_s = offsets(time_s, event_s[near], label[near])
        targets = score_targets(offset_s, self.row.radius_s, self.row.loss)
        if self.row.displacement is None:
            none = np.empty((len(frames), 0), dtype=np.float32)
            return targets, none, none
        return targets, *displacement_targets(offset_s, self.row.displacement, self._frames_per_s)


class DenseTask(FrameTask[DenseRow, Chunks]):
    """The task of a head that scores every frame.

    Attributes:
        trained_first: the task of a network for the displacement, to be trained before this one; None without one.
    """

    def __init__(self, row: DenseRow, store: FeatureStore, **given: Any) -> None:
        super().__init__(row, store, **given)
        shares = np.maximum(self.train.positives(), 1e-6)  # a class without events has no positives to weigh
        self._positives = torch.from_numpy(shares.astype(np.float32))
        apart = row.displacement is not None and row.displacement.apart is not None
        self.trained_first = DisplacementTask(self) if apart else None

    def sampled(self, labels: Mapping[str, Events]) -> Chunks:
        """The chunks of some games."""
        return Chunks(self.store, labels, self.row)

    @staticmethod
    def build(row: DenseRow, widths: Sequence[int], fps: int, head: type[Any]) -> nn.Module:
        """The head of a row for blocks of these widths; two where the displacement is trained apart."""
        moves, rows = row.displacement, row.whole_rows("chunk_s", fps)
        displacements = 0 if moves is None or moves.apart else len(CLASSES) if moves.per_class else 1
        layout = Layout(tuple(widths), rows, row.frames_per_row, row.outputs(rows)[1], displacements)
        made: nn.Module = head(layout, **row.architecture)
        if moves is None or moves.apart is None:
            return made
        assert isinstance(made, DenseHead)
        other = head(layout._replace(outputs=len(CLASSES)), **row.architecture)
        return Apart(made, other, radius_frames=moves.radius_s * row.grid(fps)[0])

    @staticmethod
    def scores(row: DenseRow, model: nn.Module, features: Tensor, fps: int) -> FrameScores:
        """The scores of a half (T, C), and the displacements where the head has them."""
        return dense_scores(model, features, row, fps)

    def model(self) -> nn.Module:
        """A fresh head, drawn from torch's global generator; for a row that standardises, behind the statistics."""
        model = self.build(self.row, self.store.widths, self.store.fps, self.kind)
        if self.trained_first is not None:
            assert isinstance(model, Apart)
            assert self.trained_first.head is not None
            model.displacement.load_state_dict(self.trained_first.head.state_dict())
            model.displacement.requires_grad_(False)
        elif isinstance(model, DenseHead) and isinstance(self.row.loss, FocalBinary):
            moves, frames_per_s = self.row.displacement, self.row.grid(self.store.fps)[0]
            model.begin(
                best_constants(self.row.loss, self._positives), best_log_variance(moves, frames_per_s) if moves else 0
            )
        return self.behind_statistics(model)

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-self.row.chunks_per_epoch // self.row.batch_size)

    def batches(self, rng: np.random.Generator) -> Iterator[DenseBatch]:
        """One epoch of random chunks, with mix-up if the row has it."""
        batches = self.plain_batches(rng)
        if self.row.mixup_queue is not None:
            return mixed_with_earlier(batches, self.row.mixup_queue, rng)
        if self.row.mixup_alpha is not None:
            alpha = self.row.mixup_alpha
            return (mix_up(batch, alpha=alpha, rng=rng) for batch in batches)
        return batches

    def plain_batches(self, rng: np.random.Generator) -> Iterator[DenseBatch]:
        """One epoch of random chunks, as they are."""
        return self.train.batches(self.train.draw(rng, self.row.chunks_per_epoch), self.row.batch_size)

    def valid_batches(self) -> Iterator[DenseBatch]:
        """Every validation chunk once, in order; nothing in ultra mode."""
        if self.valid is None:
            return iter(())
        return self.valid.batches(self.valid.all(), max(self.row.batch_size, VALID_CHUNKS))

    def loss(self, model: nn.Module, batch: DenseBatch) -> Tensor:
        """The loss of the scores, and of displacements that are not trained apart."""
        output: DenseOutput = model(batch.features.float())
        loss = score_loss(self.row.loss, output.scores, batch.targets, self._positives.to(batch.targets.device))
        if output.displacement is None or self.row.displacement is None:
            return loss
        return loss + displacement_loss(
            self.row.displacement, self.row.grid(self.store.fps)[0], predicted=output.displacement,
            log_variance=output.log_variance, wanted=batch.displacement, near=batch.near,
        )  # fmt: skip


class DisplacementTask:
    """The task of a network for the displacement alone, without mix-up.

    Args:
        task: of the row; its chunks are shared.

    Attributes:
        name: of its folder in that of the run.
        row: with the recipe of `displacement.apart`.
        head: the one that `model` made, which is trained in place; None before.
    """

    name = "displacement"

    def __init__(self, task: DenseTask) -> None:
        assert task.row.displacement is not None
        assert task.row.displacement.apart is not None
        recipe = dict(task.row.displacement.apart)
        self._task = task
        self.row = task.row.model_copy(update={**recipe, "mixup_alpha": None})
        self.head: nn.Module | None = None
        self.steps, self.hold, self.valid_batches = task.steps, task.hold, task.valid_batches

    def model(self) -> nn.Module:
        """A fresh head of the row's kind."""
        both = self._task.build(self.row, self._task.store.widths, self._task.store.fps, self._task.kind)
        assert isinstance(both, Apart)
        self.head = both.displacement
        return self._task.behind_statistics(self.head)

    def batches(self, rng: np.random.Generator) -> Iterator[DenseBatch]:
        """One epoch of random chunks."""
        return self._task.plain_batches(rng)

    def loss(self, model: nn.Module, batch: DenseBatch) -> Tensor:
        """The loss of the displacement."""
        assert self.row.displacement is not None
        frames_per_s = self.row.grid(self._task.store.fps)[0]
        radius = self.row.displacement.radius_s * frames_per_s
        predicted = model(batch.features.float()).scores.tanh() * radius
        return displacement_loss(
            self.row.displacement, frames_per_s, predicted=predicted, wanted=batch.displacement, near=batch.near
        )
