"""A half in one pass: rows are embedded once, chunks decoded in batches, their scores joined.

Memory is bounded: a piece of embedded rows, a batch of chunks, and the tokens and scores of one half.

Conventions
    chunks        start `stride` rows apart from row 0; the last one ends where the half ends; a half that is shorter
                  than a chunk is filled up with its last row
    border        rows at both ends of a chunk whose scores are dropped, except at the ends of the half
    overlap       "mean" averages scores and displacements, which the step `displace` may apply; "max" moves the scores
                  of each chunk by its displacements, as `displace` does, and takes the largest of a frame
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from soccerbench.models.dense.contract import DenseOutput
from soccerbench.models.sliding import Standardised
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.dense import CrossEntropy, Loss
from soccerbench.specs.spotting import DenseRow
from soccerbench.tasks.spotting_steps import FrameScores

ROWS_PER_PIECE = 512
CHUNKS_PER_BATCH = 16


def chunk_starts(length: int, *, chunk: int, stride: int) -> list[int]:
    """The first rows of the chunks of a half.

    Example:
        >>> chunk_starts(10, chunk=4, stride=4), chunk_starts(3, chunk=4, stride=4)
        ([0, 4, 6], [0])
    """
    last = max(length - chunk, 0)
    return [*range(0, last, stride), last]


def probabilities(loss: Loss, logits: Tensor) -> Tensor:
    """The scores of the 17 classes in [0, 1], (…, 17), from logits (…, K)."""
    found = logits.softmax(dim=-1) if isinstance(loss, CrossEntropy) else logits.sigmoid()
    return found[..., -len(CLASSES) :]


def moved(scores: Tensor, displacement: Tensor) -> Tensor:
    """Scores (N, 17) where their displacements (N, 17 or 1), in frames, send them."""
    frames = torch.arange(len(scores), device=scores.device)[:, None]
    there = (frames + displacement.round().long()).clamp(0, len(scores) - 1).expand_as(scores)
    return torch.zeros_like(scores).scatter_reduce(0, there, scores, "amax")


@torch.no_grad()
def dense_scores(model: nn.Module, features: Tensor, row: DenseRow, fps: int) -> FrameScores:
    """The scores of a half (T, C), and the displacements where the head has them, at the times of the row's `grid`.

    Args:
        model: a dense head in evaluation mode; one without `embed` and `decode` sees whole chunks.
    """
    if model.training:
        raise ValueError("prediction is inference, and the model is in training mode; call eval() first")
    chunk, stride, border = (row.whole_rows(key, fps) for key in ("chunk_s", "stride_s", "border_s"))
    if isinstance(model, Standardised):
        features = model.standardised(features)
        model = model.head
    decode: Callable[[Tensor], DenseOutput] = getattr(model, "decode", model)
    embed: Callable[[Tensor], Tensor] = getattr(model, "embed", nn.Identity())
    tokens = torch.cat([embed(piece) for piece in torch.split(features, ROWS_PER_PIECE)])
    joined = Joined(len(features), row, chunk=chunk, border=border)
    starts = chunk_starts(len(features), chunk=chunk, stride=stride)
    for first in range(0, len(starts), CHUNKS_PER_BATCH):
        batch = starts[first : first + CHUNKS_PER_BATCH]
        rows = torch.tensor(batch)[:, None] + torch.arange(chunk)
        output = decode(tokens[rows.clamp(max=len(features) - 1).to(tokens.device)])
        joined.add(batch, output)
    return joined.scores(*row.grid(fps))


class Joined:
    """Collects the scores of the chunks of a half."""

    def __init__(self, length: int, row: DenseRow, *, chunk: int, border: int) -> None:
        self.length, self.row, self.chunk, self.border = length, row, chunk, border
        self._sums: dict[str, Tensor] = {}

    def add(self, starts: list[int], output: DenseOutput) -> None:
        """Add the chunks that begin at some rows."""
        scores, displacement = probabilities(self.row.loss, output.scores.float()), output.displacement
        times = self.row.frames_per_row
        for number, start in enumerate(starts):
            first = 0 if start == 0 else self.border
            end = self.chunk if start + self.chunk >= self.length else self.chunk - self.border
            kept, there = slice(first * times, end * times), slice((start + first) * times, (start + end) * times)
            if self.row.overlap == "mean":
                self._sum("count", there, torch.ones_like(scores[number, kept, :1]))
                self._sum("scores", there, scores[number, kept])
                if displacement is not None:
                    self._sum("displacement", there, displacement[number, kept].float())
            else:
                whole = self._of("scores", scores[number])
                mine = torch.zeros_like(whole)
                mine[there] = scores[number, kept][: len(mine[there])]
                if displacement is not None:
                    moves = torch.zeros_like(whole)
                    moves[there] = displacement[number, kept].float()[: len(moves[there])]
                    mine = moved(mine, moves)
                torch.maximum(whole, mine, out=whole)

    def scores(self, frames_per_s: int, first_s: float) -> FrameScores:
        """The joined scores, frame 0 at second `first_s`."""
        if self.row.overlap == "max":
            return FrameScores(self._sums["scores"].cpu().numpy(), frames_per_s, first_s)
        mean = {key: (total / self._sums["count"]).cpu().numpy() for key, total in self._sums.items()}
        moves = mean["displacement"] / frames_per_s if "displacement" in mean else None
        return FrameScores(mean["scores"], frames_per_s, first_s, moves)

    def _of(self, key: str, like: Tensor) -> Tensor:
        if key not in self._sums:
            self._sums[key] = like.new_zeros((self.length * self.row.frames_per_row, like.shape[-1]))
        return self._sums[key]

    def _sum(self, key: str, there: slice, values: Tensor) -> None:
        total = self._of(key, values)
        total[there] += values[: len(total[there])]
