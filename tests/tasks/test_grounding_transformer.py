"""The grounding transformer as a task: which chunks are drawn, the loss by hand, and detections chunk by chunk."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.errors import SpecError
from soccerbench.features.dataset import Dataset
from soccerbench.models.grounding_transformer import GroundingTransformer
from soccerbench.soccernet.replays import GameReplays, Replay, read_replays
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.tasks.grounding_transformer import Batch, GroundingTransformerTask, padded
from soccerbench.tasks.replay_queries import Query


def task_of(root: Dataset, *settings: str, row: int = 4) -> GroundingTransformerTask:
    pairs = [parse_setting(text) for text in ("batch_size=16", *settings)]
    spec = next(spec for spec in load_table("table3", settings=pairs).rows if spec.row == row)
    train = {game: read_replays(root.tree, game, strict=True) for game in root.games["train"]}
    return GroundingTransformerTask(spec, root.store(spec.blocks), train=train, valid={})


@pytest.fixture(scope="module")
def root(shared_tiny_root: Path) -> Dataset:
    return Dataset(shared_tiny_root)


@pytest.mark.parametrize(
    ("start", "stride", "starts"),
    [
        (200, 20, [80, 90, 110, 130, 150, 170]),  # back from the last chunk, 170 to 200, and the first of 80 to 200
        (200, 45, [80, 125, 170]),
        (100, 30, [0, 10, 40, 70]),  # the half begins after the 120 s
        (33, 5, [0, 3]),
        (64, 5, [0, 4, 9, 14, 19, 24, 29, 34]),
        (119, 5, [0, *range(4, 90, 5)]),
        (20, 5, [0]),  # less than a chunk before the replay
        (0, 5, []),  # nothing before the replay
    ],
)
def test_where_chunks_start(root: Dataset, start: int, stride: int, starts: list[int]) -> None:
    found = task_of(root).starts(Query("game", 1, start, start + 5), stride=stride)
    assert found.tolist() == starts
    assert found.dtype == np.int64


@pytest.mark.parametrize("key", ["chunk_s", "before_s"])
def test_chunks_are_whole_numbers_of_rows(root: Dataset, key: str) -> None:
    with pytest.raises(SpecError, match=rf"table3 row 4: {key}: 100.5 s is 100.5 feature rows"):
        task_of(root, f"{key}=100.5")


@pytest.mark.parametrize("start", [1, 29, 33, 64, 119, 120, 121, 149])
def test_every_row_before_a_replay_is_looked_at(root: Dataset, start: int) -> None:
    task = task_of(root)
    asked = Query("game", 1, start, start + 5)
    rows = {int(row) for first in task.starts(asked, stride=task.stride) for row in task._rows(asked, first)}
    assert rows == set(range(max(start - 120, 0), start))


def test_an_epoch_is_four_chunks_with_the_event_and_four_without(root: Dataset) -> None:
    task = task_of(root)
    batches = list(task.batches(np.random.default_rng(5)))
    assert len(batches) == task.steps
    present = torch.cat([batch.present for batch in batches])
    offsets = torch.cat([batch.offsets for batch in batches])
    replays = [replay for game in root.games["train"] for replay in read_replays(root.tree, game, strict=True).replays]
    assert int(present.sum()) == 4 * len(replays)  # every event is 12 s before its replay
    assert int((1 - present).sum()) == 4 * sum(replay.start_ms >= 42_000 for replay in replays)  # room without it
    assert (offsets[present == 0] == 0).all()
    # the replay starts 12 s after its event and the chunk ends there or earlier: the event is 18 s in or later
    late = 18 / 30 - 1e-6
    early = sum(replay.start_ms < 30_000 for replay in replays) * 4
    assert int((offsets[present == 1] >= late).sum()) >= int(present.sum()) - early
    assert all((batch.padding.sum(dim=1) < batch.padding.shape[1]).all() for batch in batches)
    again = list(task.batches(np.random.default_rng(5)))
    for one, other in zip(batches, again, strict=True):
        assert all(torch.equal(values, others) for values, others in zip(one, other, strict=True))
    assert list(task.valid_batches()) == []


def test_a_chunk_never_shows_the_replay(root: Dataset) -> None:
    task = task_of(root)
    game = root.games["train"][0]
    asked = Query(game, 1, 20, 25, event=8, label=0)
    task._train = [asked]
    for batch in task.batches(np.random.default_rng(0)):
        rows = task.store.take(game, 1, np.minimum(np.arange(30), 19))
        assert all(np.array_equal(chunk, rows) for chunk in batch.chunks.numpy())
        assert batch.offsets.tolist() == pytest.approx([8 / 30] * 4, rel=0, abs=1e-7)


def test_a_replay_whose_event_is_out_of_reach_has_only_negatives(root: Dataset) -> None:
    task = task_of(root)
    task._train = [replace(task._train[0], start=140, stop=145, event=event) for event in (5, 140, 142)]
    (batch,) = task.batches(np.random.default_rng(0))
    assert batch.present.tolist() == [0] * 12


class Said(nn.Module):
    """Answers with given logits."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, chunks: Tensor, replays: Tensor, padding: Tensor) -> Tensor:
        return self.logits


def test_the_loss_by_hand(root: Dataset) -> None:
    task = task_of(root, "offset_loss=3")
    empty = torch.zeros(3, 1, 1)
    batch = Batch(empty, empty, empty[..., 0] > 0, torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.25, 0.0, 0.5]))
    loss = task.loss(Said([[0.0, 0.0], [math.log(3), 5.0], [0.0, 0.0]]), batch)
    # presence: ln 2, -ln(1 - 3/4) = 2 ln 2, ln 2; offsets 0.5 against 0.25 and 0.5, the negative's does not count
    expected = 4 * math.log(2) / 3 + 3 * 0.25**2 / 2
    assert loss.item() == pytest.approx(expected, rel=0, abs=1e-6)


def test_a_stride_of_one_row_and_less_is_one_row(root: Dataset) -> None:
    assert [task_of(root, f"stride_s={stride_s}").stride for stride_s in ("0.2", "1", "2")] == [1, 1, 2]


def test_a_detection_is_in_seconds_also_with_two_rows_a_second(root: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = next(spec for spec in load_table("table3").rows if spec.row == 4)
    task = GroundingTransformerTask(spec, root.store(("resnet",)), train={}, valid={})
    monkeypatch.setattr(GroundingTransformer, "head", Said([[0.0, 0.0]]))  # the middle of the only chunk, 30 s long
    game = GameReplays(root.games["test"][0], (Replay(1, 20_000, 25_000),))
    found = task.detect(task.model(), game, torch.device("cpu"))
    assert found.replays[0].time_s.tolist() == [15.0]


def test_detections_equal_the_forward_of_each_chunk(root: Dataset) -> None:
    task = task_of(root, "stride_s=7", row=19)
    torch.manual_seed(0)
    model = task.model().eval()
    assert isinstance(model, GroundingTransformer)
    read = read_replays(root.tree, root.games["test"][0], strict=True)
    game = GameReplays(read.game, (Replay(1, 0, 4000), *read.replays, Replay(2, 90_000, 90_000)))
    found = task.detect(model, game, torch.device("cpu"))
    assert len(found.replays[0].time_s) == 0  # nothing is before a replay that begins the half
    for replay, detected in zip(game.replays[1:], found.replays[1:], strict=True):
        first, last = replay.start_ms // 1000, max(replay.end_ms, replay.start_ms + 1000) // 1000
        clip = torch.from_numpy(task.store.take(game.game, replay.half, np.arange(first, last)))
        frames: dict[int, tuple[float, float]] = {}
        for start in sorted({*range(max(first - 30, 0), max(first - 120, 0), -7), max(first - 120, 0)}, reverse=True):
            rows = np.minimum(np.arange(start, start + 30), first - 1)
            chunk = torch.from_numpy(task.store.take(game.game, replay.half, rows))
            with torch.no_grad():
                score, offset = model(chunk[None], *padded([clip]))[0].double().sigmoid().tolist()
            time_s = start + 30 * offset
            if score > frames.get(int(2 * time_s), (0.0, 0.0))[1]:
                frames[int(2 * time_s)] = (time_s, score)
        expected = [frames[frame] for frame in sorted(frames)]
        np.testing.assert_allclose(detected.time_s, [time for time, _ in expected], rtol=0, atol=1e-4)
        np.testing.assert_allclose(detected.score, [score for _, score in expected], rtol=0, atol=1e-5)
