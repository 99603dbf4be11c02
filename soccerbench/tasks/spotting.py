"""Action spotting: training clips, the loss, and detections for a game.

Source: the NetVLAD++ reference code, which the paper builds on; mix-up as in Zhang et al. (2018).

Conventions
    clip       `chunk_s` of one half; training clips follow one another from its first row, the last one's missing rows
               repeat the half's last
    target     (18,), several classes at once; class 0, the background, where no event falls into the clip
    event row  floor((position - shift) · fps); events past the last row, which real label files have, count in the last
               clip as far as it is filled up, and are left out beyond
    detection  at the row its window is centred on, position = row / fps + shift
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.store import HALVES, MAX_LATE_S, FeatureStore
from soccerbench.models.sliding import slide
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.frame_task import FrameTask
from soccerbench.tasks.spotting_steps import FrameScores
from soccerbench.tasks.windows import Place, Windows

BatchT = TypeVar("BatchT", bound=tuple[Tensor, ...])


class Batch(NamedTuple):
    """Clips and their targets."""

    features: Tensor  # (B, T, C), in the stored type if cached on a device or streamed to a GPU, else float32
    targets: Tensor  # (B, 18)


class Clips:
    """The training clips of some games, end to end from the start of each half.

    Args:
        labels: game -> its annotations, for each game that is used.
        shift_s: feature row i is at second i / fps + shift_s.

    Raises:
        InputError: features that cannot be read, or an event far beyond the end of its half.
    """

    def __init__(self, store: FeatureStore, labels: Mapping[str, Events], *, clip_frames: int, shift_s: float) -> None:
        self.store, self.clip_frames, self.games = store, clip_frames, list(labels)
        self._places: list[Place] = []
        targets = []
        for game, annotated in labels.items():
            for half in HALVES:
                length = store.length(game, half)
                clips = np.zeros((max(-(-(length - 1) // clip_frames), 1), len(CLASSES) + 1), dtype=np.float32)
                rows = event_rows(store, annotated, half, shift_s=shift_s)
                inside = (rows >= 0) & (rows < len(clips) * clip_frames)
                clips[rows[inside] // clip_frames, 1 + annotated.label[annotated.half == half][inside]] = 1
                clips[:, 0] = ~clips.any(axis=1)
                targets.append(clips)
                self._places += [(game, half, start * clip_frames) for start in range(len(clips))]
        self.targets = np.concatenate(targets)
        self.windows = Windows(store, clip_frames)

    def __len__(self) -> int:
        return len(self._places)

    def take(self, clips: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Read some clips: features (B, T, C) and targets (B, 18)."""
        wanted = np.asarray(clips)
        features = self.windows.read([self._places[clip] for clip in wanted.tolist()])
        return Batch(features, torch.from_numpy(self.targets[wanted]).to(features.device, non_blocking=True))

    def batches(self, order: Sequence[int] | NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
        """Read clips in that order, in batches."""
        for start in range(0, len(order), batch_size):
            yield self.take(order[start : start + batch_size])


class SpottingTask(FrameTask[SpottingRow, Clips]):
    """The task of a head that scores the centre of a window."""

    @property
    def clip_frames(self) -> int:
        """Rows in a clip."""
        return self.row.whole_rows("chunk_s", self.store.fps)

    def sampled(self, labels: Mapping[str, Events]) -> Clips:
        """The clips of some games, with the targets of others where the row shuffles them."""
        clips = Clips(self.store, labels, clip_frames=self.clip_frames, shift_s=self.row.shift_s)
        if self.row.shuffle_labels:
            np.random.default_rng(0).shuffle(clips.targets)
        return clips

    @staticmethod
    def build(row: SpottingRow, widths: Sequence[int], fps: int, head: type[nn.Module]) -> nn.Module:  # noqa: ARG004
        """The head of a row for blocks of these widths."""
        return head(sum(widths), **row.architecture)

    @staticmethod
    def scores(row: SpottingRow, model: nn.Module, features: Tensor, fps: int) -> FrameScores:
        """The scores of a half (T, C)."""
        logits = slide(model, features, row.whole_rows("chunk_s", fps))
        return FrameScores(logits.float().sigmoid()[:, 1:].cpu().numpy(), fps, row.shift_s)

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-len(self.train) // self.row.batch_size)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: every training clip once, in random order, with mix-up if the row has it."""
        for batch in self.train.batches(rng.permutation(len(self.train)), self.row.batch_size):
            yield mix_up(batch, alpha=self.row.mixup_alpha, rng=rng) if self.row.mixup_alpha else batch

    def valid_batches(self) -> Iterator[Batch]:
        """Every validation clip once, in order; nothing in ultra mode."""
        if self.valid:
            yield from self.valid.batches(range(len(self.valid)), self.row.batch_size)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean binary cross-entropy over clips and the 18 classes."""
        return F.binary_cross_entropy_with_logits(model(batch.features.float()).float(), batch.targets)


def event_rows(store: FeatureStore, labels: Events, half: int, *, shift_s: float) -> NDArray[np.int64]:
    """The feature row of each event of one half, in the order of the labels.

    Raises:
        InputError: an event so far beyond the end of the half that labels and features cannot belong together.
    """
    position_s = labels.position_ms[labels.half == half] / 1000
    rows: NDArray[np.int64] = np.floor((position_s - shift_s) * store.fps).astype(np.int64)
    length_s = store.length(labels.game, half) / store.fps
    if len(position_s) and position_s.max() > length_s + MAX_LATE_S:
        raise InputError(
            store.root / labels.game / "Labels-v2.json",
            f"half {half}: an event at {position_s.max():.0f} s, but the features end at {length_s:.0f} s",
            "use labels and features of the same game",
        )
    return rows


def mix_up(batch: BatchT, *, alpha: float, rng: np.random.Generator) -> BatchT:
    """Blend each clip and its targets with another of the batch, by one share drawn from Beta(alpha, alpha)."""
    share, features = float(rng.beta(alpha, alpha)), batch[0]
    other = torch.from_numpy(rng.permutation(len(features))).to(features.device, non_blocking=True)
    return batch._make(share * values.float() + (1 - share) * values[other].float() for values in batch)  # type: ignore[attr-defined, no-any-return]
