"""The detector of segments: its samples and loss by hand, a step against frame by frame, and detections row by row."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from literal_layers import Literal
from torch import Tensor, nn

from soccerbench.features.dataset import Dataset
from soccerbench.models.faster_tad import FasterTad
from soccerbench.soccernet.replays import GameReplays, Replay, read_replays
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.tasks.faster_tad import Batch, FasterTadTask
from soccerbench.tasks.replay_queries import Query, padded

ROW = load_table("table3plus").row(8)


def task_of(root: Dataset, *settings: str, row: int = 8) -> FasterTadTask:
    pairs = [parse_setting(text) for text in ("features=vtn", *settings)]
    spec: Any = load_table("table3plus", settings=pairs, rows=[row]).row(row)
    train = {game: read_replays(root.tree, game, strict=True) for game in root.games["train"]}
    return FasterTadTask(spec, root.store(spec.blocks), train=train, valid={})


@pytest.fixture(scope="module")
def root(shared_tiny_root: Path) -> Dataset:
    return Dataset(shared_tiny_root)


def test_parameter_count_at_the_width_of_the_release() -> None:
    with torch.device("meta"):
        model = FasterTad(8576, delays=120, **ROW.architecture.model_dump())
    # projection; joined to the replay; five convolutions; two outputs
    expected = 8576 * 256 + 256 + 512 * 256 + 256 + 5 * (3 * 256 * 256 + 256) + 512 + 2
    assert sum(weight.numel() for weight in model.parameters()) == expected


def forward(w: Literal, frames: Tensor, replay: Tensor) -> Tensor:
    """The head of two layers, a frame and a tap at a time."""
    mean = sum(w.linear("embed", replay)) / len(replay)
    x = w.linear("join", torch.stack([torch.cat([row, mean]) for row in w.linear("embed", frames)])).clamp(min=0)
    for number in range(2):
        kernel, bias, found = w.weights[f"layers.{number}.weight"], w.weights[f"layers.{number}.bias"], []
        for at in range(len(x)):
            taps = [(tap, at + (tap - 1) * 2**number) for tap in range(3)]
            found.append(bias + sum(kernel[:, :, tap] @ x[there] for tap, there in taps if 0 <= there < len(x)))
        x = x + torch.stack(found).clamp(min=0)
    return w.linear("predict", x)


def test_a_step_equals_frame_by_frame(root: Dataset) -> None:
    task = task_of(root, "offset_loss=3")
    model = FasterTad(4, delays=9, d_model=5, layers=2, dropout=0.0).double()
    frames, clips = torch.randn(2, 9, 4).double(), [torch.randn(rows, 4).double() for rows in (3, 5)]
    inside, present = torch.ones(2, 9).double(), torch.zeros(2, 9).double()
    inside[1, :2], present[0, 4:7] = 0, 1
    offsets = present * torch.rand(2, 9)
    found = task.loss(model, Batch(frames, *padded(clips), inside, present, offsets))
    loss, count = torch.zeros(()), 0
    for number in range(2):
        for at, (logit, moved) in enumerate(forward(Literal(model), frames[number], clips[number])):
            if inside[number, at]:
                p, count = logit.sigmoid(), count + 1
                loss = loss - (p if present[number, at] else 1 - p).log()
            if present[number, at]:
                loss = loss + 3 * (moved.sigmoid() - offsets[number, at]) ** 2 / 3 * 16  # three frames; 16 are inside
    weights = list(model.parameters())
    torch.testing.assert_close(found.double(), loss / count, rtol=0, atol=1e-6)
    for fast, slow in zip(torch.autograd.grad(found, weights), torch.autograd.grad(loss / count, weights), strict=True):
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("start", "event", "outside", "segment", "passed"),
    [
        (140, 128, 0, (108, 109, 110), (0, 1, 2)),  # rows 20 to 139
        (140, 139, 0, (119,), (0,)),  # the replay begins in the segment
        (140, 19, 0, (0, 1), (1, 2)),  # 121 s before: two of its three rows are seen
        (140, 17, 0, (), ()),  # further back than that
        (140, 140, 0, (), ()),  # in the replay
        (20, 8, 100, (108, 109, 110), (0, 1, 2)),  # the half begins 20 s before the replay
        (0, 5, 120, (), ()),
    ],
)
def test_which_rows_are_the_segment(
    root: Dataset, start: int, event: int, outside: int, segment: tuple[int, ...], passed: tuple[int, ...]
) -> None:
    task = task_of(root)
    asked = Query(root.games["train"][0], 1, start, start + 5, event=event, label=0)
    batch = task._batch([asked])
    assert (batch.inside[0] == 0).sum() == outside
    assert batch.present[0].nonzero().ravel().tolist() == list(segment)
    np.testing.assert_allclose(batch.offsets[0, list(segment)].numpy(), np.array(passed) / 3, rtol=0, atol=1e-6)
    rows = np.maximum(np.arange(start - 120, start), 0)
    assert np.array_equal(batch.frames[0].numpy(), task.store.take(asked.game, 1, rows))


def test_an_epoch_is_every_replay_once_and_the_model_knows_their_delays(root: Dataset) -> None:
    task = task_of(root, "batch_size=4")
    batches = list(task.batches(np.random.default_rng(5)))
    replays = [replay for game in root.games["train"] for replay in read_replays(root.tree, game, strict=True).replays]
    assert (len(batches), sum(len(batch.frames) for batch in batches)) == (task.steps, len(replays))
    assert list(task.valid_batches()) == []
    delays: Any = task.model().delays
    assert delays.nonzero().ravel().tolist() == [11]  # every event is 12 s before its replay
    assert delays.sum() == len(replays)


@pytest.mark.parametrize(
    ("rescore_s", "weights"),
    [("null", [1, 1, 1, 1, 1]), ("1", [0, 0.25, 1, 0, 0]), ("3", [0.3, 1, 1, 0.8, 0])],  # of single rows, of three
)
def test_the_distribution_of_the_delays_by_hand(root: Dataset, rescore_s: str, weights: list[float]) -> None:
    task = task_of(root, f"rescore_s={rescore_s}")
    found = task.weights(np.array([0.0, 1.0, 4.0, 0.0, 0.0]))  # sums of three: 1 of two, 5, 5, 4, 0 of two
    np.testing.assert_allclose(found, weights, rtol=0, atol=1e-12)


def test_detections_equal_the_forward_of_each_replay(root: Dataset) -> None:
    task = task_of(root)
    torch.manual_seed(0)
    model = task.model().eval()
    assert isinstance(model, FasterTad)
    read = read_replays(root.tree, root.games["test"][0], strict=True)
    game = GameReplays(read.game, (Replay(1, 0, 4000), *read.replays))
    found = task.detect(model, game, torch.device("cpu"))
    assert len(found.replays[0].time_s) == 0  # nothing is before a replay that begins the half
    weights = task.weights(model.delays.double().numpy())
    for replay, detected in zip(game.replays[1:], found.replays[1:], strict=True):
        first, last = replay.start_ms // 1000, max(replay.end_ms, replay.start_ms + 1000) // 1000
        clip = torch.from_numpy(task.store.take(game.game, replay.half, np.arange(first, last)))
        rows = np.maximum(np.arange(first - 60, first), 0)
        frames = torch.from_numpy(task.store.take(game.game, replay.half, rows))
        with torch.no_grad():
            logits = model(frames[None], *padded([clip]))[0].double().sigmoid().tolist()
        best: dict[int, tuple[float, float]] = {}
        for row, (score, offset) in zip(range(first - 60, first), logits, strict=True):
            time_s = row - 3 * offset
            score *= weights[max(round(first - time_s), 1) - 1]
            time_s = max(time_s, 0.0)
            if row >= 0 and score > best.get(int(2 * time_s), (0.0, -1.0))[1]:
                best[int(2 * time_s)] = (time_s, score)
        expected = [best[frame] for frame in sorted(best)]
        np.testing.assert_allclose(detected.time_s, [time for time, _ in expected], rtol=0, atol=1e-4)
        np.testing.assert_allclose(detected.score, [score for _, score in expected], rtol=0, atol=1e-5)


def test_a_tiny_set_is_learnt_by_heart(root: Dataset) -> None:
    task = task_of(root, "architecture.d_model=16", "architecture.dropout=0", "standardise=true")
    task._train = [replace(asked, event=asked.start - 5 - 7 * number) for number, asked in enumerate(task._train[-4:])]
    torch.manual_seed(0)
    model, (batch,) = task.model(), task.batches(np.random.default_rng(0))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    first = task.loss(model, batch).item()
    for _ in range(100):
        optimiser.zero_grad()
        loss = task.loss(model, batch)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05 * first


class Said(nn.Module):
    """Answers with given logits."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = torch.tensor([logits])

    def forward(self, frames: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        return self.logits


def test_the_loss_by_hand(root: Dataset) -> None:
    empty, marks = torch.zeros(1, 3, 1), torch.tensor([[0.0, 1.0, 1.0]])
    batch = Batch(empty, empty, empty[..., 0] > 0, marks, torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, 0, 0.25]]))
    loss = task_of(root, "offset_loss=2").loss(Said([[9.0, 9.0], [math.log(3), 9.0], [0.0, 0.0]]), batch)
    # rows inside: -ln(1 - 3/4) and ln 2; one row of a segment, 0.5 against 0.25
    assert loss.item() == pytest.approx(1.5 * math.log(2) + 2 * 0.25**2, rel=0, abs=1e-6)
