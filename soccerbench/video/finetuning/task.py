"""Fine-tuning as a task for the training loop: batches of augmented clips, and how often the model is right.

Source: section 2.2 of the paper: five-second snippets of 17 events and background, one classifier of 18 classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.progress import Progress
from soccerbench.specs.base import Precision
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.training.parallel import rank_and_count
from soccerbench.training.precision import autocast
from soccerbench.video.finetuning.augmentation import DRAWS, augment, to_clip
from soccerbench.video.finetuning.clip_cache import SnippetClips
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.build import build
from soccerbench.video.models.weights import load_weights


class Batch(NamedTuple):
    """Clips (B, T, 3, S, S) uint8 and their classes (B,) int64."""

    clips: Tensor
    targets: Tensor


@dataclass
class FineTuning:
    """What the training loop asks for, of one model and one set of snippets."""

    row: ExtractorRow  # the spec
    training: SnippetClips  # the training snippets, with spare frames for the jitter
    targets: NDArray[np.int64]  # (N,) their classes; given apart, so that a control can shuffle them
    valid: SnippetClips | None  # the validation snippets; none where every split trains
    init: Path | None = None  # a checkpoint to begin with
    plugin: Path | None = None  # the file of a custom model

    def model(self) -> Extractor:
        """The model, fresh from torch's global generator or with the weights of a file, which its `source` names."""
        model = build(self.row, plugin=self.plugin)
        if self.init is not None:
            model.source = load_weights(model, self.init, self.row).removeprefix(f"{self.init.parent}/")
        return model

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-len(self.targets) // self.row.batch_size)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Every training snippet once, shuffled and augmented, in batches as equal as can be: this rank's share."""
        rank, count = rank_and_count()
        for whole in np.array_split(rng.permutation(len(self.targets)), self.steps):
            chosen, clips = whole[rank::count], []
            frames = iter(self.training.take(chosen.tolist()))
            for place in range(len(whole)):
                if place % count == rank:
                    clips.append(augment(next(frames), self.row.clip.frames, self.row.augmentation, rng))
                else:
                    rng.random(DRAWS)  # of another rank's clip
            yield Batch(torch.stack(clips), torch.from_numpy(self.targets[chosen]))

    def valid_batches(self) -> Iterator[Batch]:
        """The validation snippets as they are."""
        if self.valid is not None:
            yield from plain_batches(self.valid, self.row.batch_size)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The model's own loss."""
        own: Any = model.loss
        loss: Tensor = own(batch.clips, batch.targets)
        return loss


def plain_batches(snippets: SnippetClips, size: int) -> Iterator[Batch]:
    """Snippets in order, one centred view each, without augmentation."""
    for begin in range(0, len(snippets), size):
        chosen = range(begin, min(begin + size, len(snippets)))
        clips = torch.stack([to_clip(frames) for frames in snippets.take(chosen)])
        yield Batch(clips, torch.from_numpy(snippets.labels[begin : begin + size]))


@torch.no_grad()
def confusion(
    model: Extractor, snippets: SnippetClips, *, classes: int, batch_size: int, precision: Precision,
    progress: Progress, stage: str,
) -> NDArray[np.int64]:  # fmt: skip
    """How often each true class (rows) is taken for each class (columns): (K, K), by one centred view a snippet.

    The model is in evaluation mode, on the device that computes.
    """
    device = next(model.parameters()).device
    counts = np.zeros((classes, classes), dtype=np.int64)
    done = 0
    for batch in plain_batches(snippets, batch_size):
        with autocast(precision, device.type):
            found = model(batch.clips.to(device)).argmax(dim=1).cpu().numpy()
        np.add.at(counts, (batch.targets.numpy(), found), 1)
        done += len(found)
        progress(stage, done, len(snippets))
    return counts


def top1(counts: NDArray[np.int64]) -> float | None:
    """The fraction on the diagonal; None without any snippet."""
    return float(np.trace(counts) / counts.sum()) if counts.any() else None


def top1_per_class(counts: NDArray[np.int64]) -> list[float | None]:
    """The fraction of each class that was found; None for a class without snippets."""
    return [float(row[place] / row.sum()) if row.any() else None for place, row in enumerate(counts)]
