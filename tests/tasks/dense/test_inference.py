"""A half in one pass: the same as chunk by chunk, moved by displacements as the definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.models.dense.contract import Apart, DenseOutput
from soccerbench.models.sliding import Standardised
from soccerbench.specs.heads import load_head
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import DenseRow
from soccerbench.specs.spotting_steps import Displace
from soccerbench.tasks.dense.inference import chunk_starts, dense_scores, moved
from soccerbench.tasks.dense.task import DenseTask
from soccerbench.tasks.spotting_steps import displace

WIDTHS = (6, 6, 4, 6, 6)
ROWS: list[Any] = [row for row in load_table("table2plus", mini=True).rows if isinstance(row, DenseRow)]
ONE_A_HEAD = list({row.head: row for row in ROWS}.values())


def chunk_by_chunk(model: nn.Module, features: Tensor, row: DenseRow) -> np.ndarray:
    """Each chunk by itself, frame by frame."""
    chunk, stride, border = (row.whole_rows(key, 1) for key in ("chunk_s", "stride_s", "border_s"))
    length, times = len(features), row.frames_per_row
    scores: list[list[np.ndarray]] = [[] for _ in range(length * times)]
    moves: list[list[np.ndarray]] = [[] for _ in range(length * times)]
    start, last = 0, max(length - chunk, 0)
    starts = [start := at for at in range(0, last, stride)] + [last]
    for start in starts:
        rows = [min(start + offset, length - 1) for offset in range(chunk)]
        given = features[rows][None]
        output = model.decode(model.embed(given)) if isinstance(model, Apart) else model(given)
        logits = output.scores[0].double()
        p = (logits.softmax(-1) if row.loss.kind == "cross-entropy" else logits.sigmoid())[:, -17:].numpy()
        first, end = (0 if start == 0 else border), (chunk if start + chunk >= length else chunk - border)
        for frame in range(first * times, min(end * times, (length - start) * times)):
            scores[start * times + frame].append(p[frame])
            if output.displacement is not None:
                moves[start * times + frame].append(np.broadcast_to(output.displacement[0, frame].numpy(), (17,)))
    assert all(scores)  # no frame is left out
    found = np.zeros((length * times, 17))
    for frame, each in enumerate(scores):
        pairs = zip(each, moves[frame] or [np.zeros(17)] * len(each), strict=True)
        if row.overlap == "mean":
            pairs = [(np.mean(each, axis=0), np.mean(moves[frame], axis=0) if moves[frame] else np.zeros(17))]
        for p, move in pairs:
            there = np.clip(frame + np.rint(move), 0, len(found) - 1).astype(int)
            found[there, range(17)] = np.maximum(found[there, range(17)], p)
    return found


def test_statistics_come_before_the_head() -> None:
    row = next(row for row in ROWS if row.head == "unet")
    head = DenseTask.build(row, WIDTHS, 1, load_head(row)).eval()
    behind = Standardised(head, widths=WIDTHS, means=[1, 2, 3, 4, 5], deviations=[0.5, 1, 2, 4, 8]).eval()
    features = torch.randn(70, sum(WIDTHS))
    repeats = torch.tensor(WIDTHS)
    mean = torch.tensor([1.0, 2, 3, 4, 5]).repeat_interleave(repeats)
    deviation = torch.tensor([0.5, 1, 2, 4, 8]).repeat_interleave(repeats)
    found, expected = dense_scores(behind, features, row, 1), dense_scores(head, (features - mean) / deviation, row, 1)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.displacement_s, expected.displacement_s)


@pytest.mark.parametrize("row", ONE_A_HEAD, ids=lambda row: row.head)
@pytest.mark.parametrize("length", [20, 137])
def test_one_pass_is_chunk_by_chunk(row: DenseRow, length: int) -> None:
    model = DenseTask.build(row, WIDTHS, 1, load_head(row)).eval()
    features = torch.randn(length, sum(WIDTHS))
    with torch.no_grad():
        expected = chunk_by_chunk(model, features, row)
    np.testing.assert_allclose(placed(model, features, row), expected, rtol=0, atol=1e-5)


def placed(model: nn.Module, features: Tensor, row: DenseRow) -> np.ndarray:
    """The scores where their displacements send them, 0 where none lands."""
    found = dense_scores(model, features, row, 1)
    if found.displacement_s is not None:
        found = displace(Displace(step="displace"), found)
    return np.maximum(found.scores, 0)


class Given(nn.Module):
    """A head without parts, whose features are its scores and displacements."""

    def forward(self, chunks: Tensor) -> DenseOutput:
        return DenseOutput(chunks[..., :18].repeat_interleave(2, dim=1), chunks[..., 18:].repeat_interleave(2, dim=1))


@pytest.mark.parametrize("overlap", ["mean", "max"])
@pytest.mark.parametrize(("stride_s", "border_s"), [(10, 0), (3, 2), (1, 4)])
def test_borders_and_overlaps(overlap: str, stride_s: float, border_s: float) -> None:
    changes = {"chunk_s": 10.0, "stride_s": stride_s, "border_s": border_s, "overlap": overlap}
    row = DenseRow.model_validate(ROWS[0].model_dump(exclude={"blocks"}) | changes)
    features = torch.randn(37, 35)
    features[:, 18:] *= 4
    expected = chunk_by_chunk(Given(), features, row)
    np.testing.assert_allclose(placed(Given().eval(), features, row), expected, rtol=0, atol=1e-6)


def test_a_score_moves_to_its_event_and_the_largest_stays() -> None:
    scores, displacement = torch.tensor([[0.1], [0.2], [0.9], [0.4]]), torch.tensor([[-3.0], [0.4], [-1.0], [-2.0]])
    assert moved(scores, displacement).ravel().tolist() == pytest.approx([0.1, 0.9, 0, 0])


@pytest.mark.parametrize("length", [1, 9, 10, 11, 30, 35])
def test_chunks_are_inside_the_half_and_leave_no_gap(length: int) -> None:
    starts = chunk_starts(length, chunk=10, stride=4)
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert max(starts) == max(length - 10, 0)
    assert max(np.diff(starts), default=0) <= 4


def test_chunks_that_leave_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="stride_s: chunks of 50 s without borders of 20 s, 25 s apart, leave gaps"):
        DenseRow.model_validate(ROWS[0].model_dump(exclude={"blocks"}) | {"border_s": 20})


def test_prediction_refuses_training_mode() -> None:
    with pytest.raises(ValueError, match=r"eval\(\)"):
        dense_scores(Given(), torch.zeros(9, 35), ROWS[0], 1)
