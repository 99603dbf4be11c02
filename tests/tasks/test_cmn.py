"""Cmn as a task: batches, the assembly of chunk detections, and detections that equal the pair-by-pair forward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.errors import SpecError
from soccerbench.features.dataset import Dataset
from soccerbench.models.cmn import Cmn
from soccerbench.models.sliding import Standardised
from soccerbench.soccernet.replays import read_replays
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.tasks.cmn import Batch, CmnTask, assemble, chunk_starts
from soccerbench.tasks.replay_queries import Query


def task_of(root: Dataset, *settings: str, row: int = 5) -> CmnTask:
    pairs = [parse_setting(text) for text in ("batch_size=8", *settings)]
    spec = next(spec for spec in load_table("table3", settings=pairs).rows if spec.row == row)
    train, valid = (
        {game: read_replays(root.tree, game, strict=True) for game in root.games[split]} for split in ("train", "valid")
    )
    return CmnTask(spec, root.store(spec.blocks), train=train, valid=valid, events=root.events([*train, *valid]))


@pytest.fixture(scope="module")
def root(shared_tiny_root: Path) -> Dataset:
    return Dataset(shared_tiny_root)


@pytest.mark.parametrize("setting", ["chunk_s=100.5", "receptive_field_s=40.5"])
def test_chunks_are_whole_numbers_of_rows(root: Dataset, setting: str) -> None:
    key, seconds = setting.split("=")
    with pytest.raises(SpecError, match=rf"table3 row 5: {key}: {seconds} s is {seconds} feature rows"):
        task_of(root, setting)


@pytest.mark.parametrize(
    ("length", "starts"),
    [
        (300, [0, 80, 160, 180]),  # a stride of chunk - field, the last chunk ends with the half
        (280, [0, 80, 160]),
        (121, [0, 1]),
        (120, [0]),
        (50, [0]),
    ],
)
def test_where_chunks_start(length: int, starts: list[int]) -> None:
    assert chunk_starts(length, chunk=120, field=40).tolist() == starts


@pytest.mark.parametrize(
    ("chunk", "offset", "row", "kept"),
    [
        (0, 0.0, 0, True),  # the first chunk answers up to the half's first row
        (0, 99 / 119, 99, True),
        (0, 100 / 119, 100, False),  # the next one's, from its start + 20 on
        (1, 19.9 / 119, 99, False),
        (1, 20 / 119, 100, True),
        (1, 99.5 / 119, 179, True),  # floored
        (2, 39 / 119, 199, True),  # up to where the last chunk answers: 180 + 20
        (2, 40 / 119, 200, False),
        (3, 20 / 119, 200, True),
        (3, 1.0, 299, True),  # the last chunk answers to the half's last row
    ],
)
def test_assembly(chunk: int, offset: float, row: int, kept: bool) -> None:
    starts = chunk_starts(300, chunk=120, field=40)
    offsets = np.full((1, 4), 0.5)
    offsets[0, chunk] = offset + 1e-9 if 0 < offset < 1 else offset
    rows, mask = assemble(starts, offsets, chunk=120, field=40)
    assert (rows[0, chunk], mask[0, chunk]) == (row, kept)


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    for a, b in zip(one, other, strict=True):
        assert all(torch.equal(values, others) for values, others in zip(a, b, strict=True))


def test_an_epoch_is_every_sample_of_every_replay(root: Dataset) -> None:
    task = task_of(root)
    batches = list(task.batches(np.random.default_rng(3)))
    assert len(batches) == task.steps
    replays = sum(
        replay.same_half
        for game in root.games["train"]
        for replay in read_replays(root.tree, game, strict=True).replays
    )
    assert sum(len(batch.pairs) for batch in batches) == 5 * replays
    assert all((batch.targets[:, 0, 0] == 1).all() for batch in batches[::5])  # the first of each five is the positive
    assert_same(batches, list(task.batches(np.random.default_rng(3))))
    assert_same(list(task.valid_batches()), list(task.valid_batches()))
    assert task.loss(task.model(), batches[0]).item() > 0


def test_validation_chunks_are_drawn_again_in_each_epoch_if_the_row_says_so(root: Dataset) -> None:
    task, fixed = task_of(root), task_of(root, "sampling.redraw_validation=false")

    def drawn(epoch: int) -> list[Batch]:
        list(task.batches(np.random.default_rng([0, epoch])))
        return list(task.valid_batches())

    first, second = drawn(1), drawn(2)
    assert not all(torch.equal(one.shifts, other.shifts) for one, other in zip(first, second, strict=True))
    assert_same(drawn(1), first)
    assert not torch.equal(first[0].shifts, next(iter(fixed.valid_batches())).shifts)


def test_the_released_code_skips_half_of_the_batches(root: Dataset) -> None:
    task = task_of(root, "sampling.skip_half_the_batches=true", "batch_size=1")
    counts = [len(list(task.batches(np.random.default_rng(seed)))) for seed in range(10)]
    assert all(count % 5 == 0 for count in counts)
    assert 0.35 * task.steps < np.mean(counts) < 0.65 * task.steps


def test_any_batch_may_be_skipped_but_not_all(root: Dataset) -> None:
    half = -(-len(list(task_of(root, "batch_size=1").batches(np.random.default_rng(0)))) // 5 // 2)
    task = task_of(root, "sampling.skip_half_the_batches=true", f"batch_size={half}")
    counts = [len(list(task.batches(np.random.default_rng(seed)))) for seed in range(8)]
    assert set(counts) == {5, 10}
    single = task_of(root, "sampling.skip_half_the_batches=true", "batch_size=1")
    assert len(list(single.valid_batches())) == 5 * len(single._valid)  # never skipped


def test_without_annotated_events_those_of_the_replays_are_drawn(root: Dataset) -> None:
    spec = next(spec for spec in load_table("table3").rows if spec.row == 5)
    replays = {game: read_replays(root.tree, game, strict=True) for game in root.games["train"]}
    task = CmnTask(spec, root.store(spec.blocks), train=replays, valid={})
    assert sum(map(len, task._training.events.values())) == len(task._train)
    assert all(one.event in task._training.events[one.game, one.half, one.label] for one in task._train)


def test_clips_at_the_ends(root: Dataset) -> None:
    game = root.games["train"][0]
    task, released = task_of(root), task_of(root, "sampling.drop_filling_copy=true")
    last = task.store.take(game, 1, np.array([149]))[0]
    np.testing.assert_array_equal(task.candidate(game, 1, 148)[1:], np.tile(last, (task.chunk - 1, 1)))
    asked = Query(game, 1, 0, task.chunk)
    assert task.replay(asked).any()
    assert not released.replay(asked).any()  # a replay as long as the clip


class Said(nn.Module):
    """Answers with given scores."""

    def __init__(self, segmentation: Tensor, spotting: Tensor) -> None:
        super().__init__()
        self.said = segmentation, spotting

    def forward(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        return self.said


def test_the_edges_of_a_chunk_do_not_count_in_the_segmentation(root: Dataset) -> None:
    """Half a receptive field at either side belongs to the neighbours."""
    task = task_of(root)
    said = torch.full((1, task.chunk, 1), 0.5, requires_grad=True)
    shifts = torch.arange(task.chunk)[None, :, None] - 5000.0  # the event is far away
    batch = Batch(torch.zeros(1, 2, 1, 1), shifts, torch.zeros(1, 1, 2))
    task.loss(Said(said, torch.full((1, 1, 2), 0.5)), batch).backward()
    assert said.grad is not None
    border = 40 // 2
    assert np.flatnonzero(said.grad.flatten()).tolist() == list(range(border, task.chunk - border))


def test_the_last_batch_is_never_skipped_where_all_others_are(root: Dataset) -> None:
    task = task_of(root, "sampling.skip_half_the_batches=true", "batch_size=1000")
    assert {len(list(task.batches(np.random.default_rng(seed)))) for seed in range(10)} == {5}


@pytest.mark.parametrize("row", [1, 5])
def test_detections_equal_the_forward_of_each_pair(root: Dataset, row: int) -> None:
    task = task_of(root, row=row)
    torch.manual_seed(0)
    model = task.model().eval()
    assert isinstance(model, Cmn)
    game = read_replays(root.tree, root.games["test"][0], strict=True)
    found = task.detect(model, game, torch.device("cpu"))
    assert [(one.half, one.start_s, one.end_s) for one in found.replays] == [
        (replay.half, replay.start_ms // 1000, replay.end_ms // 1000) for replay in game.replays
    ]
    fps = task.store.fps
    for replay, detected in zip(game.replays, found.replays, strict=True):
        clip = task.store.take(
            game.game, replay.half, np.arange(replay.start_ms * fps // 1000, replay.end_ms * fps // 1000)
        )
        tiled = np.zeros((task.chunk, task.store.width), np.float32)
        copies = task.chunk // len(clip)
        tiled[: copies * len(clip)] = np.concatenate([clip] * copies)
        expected = []
        for start in chunk_starts(150 * fps, chunk=task.chunk, field=task.field).tolist():
            chunk = task.store.take(game.game, replay.half, np.arange(start, start + task.chunk))
            with torch.no_grad():
                _, spot = model(torch.from_numpy(np.stack([chunk, tiled]))[None])
            expected.append((start + int(spot[0, 0, 1] * (task.chunk - 1)), float(spot[0, 0, 0])))
        (first, sure), (second, better) = expected  # chunks from 0 s and 30 s: they meet at 30 + 20 s
        border = (30 + 20) * fps
        wanted = [(first / fps, sure)] * (first < border) + [(second / fps, better)] * (second >= border)
        assert detected.time_s.tolist() == [time for time, _ in wanted]
        np.testing.assert_allclose(detected.score, [score for _, score in wanted], rtol=0, atol=1e-5)


def test_detecting_reads_no_links(root: Dataset) -> None:
    task, game = task_of(root), root.games["challenge"][0]
    torch.manual_seed(0)
    model = task.model().eval()
    with_links, without = (
        task.detect(model, read_replays(root.tree, game, strict=True, file=file), torch.device("cpu"))
        for file in ("Labels-cameras.json", "Labels-replays.json")
    )
    for one, other in zip(with_links.replays, without.replays, strict=True):
        np.testing.assert_array_equal(one.time_s, other.time_s)
        np.testing.assert_array_equal(one.score, other.score)


def test_standardising_comes_before_the_projection(root: Dataset) -> None:
    task = task_of(root, "standardise=true")
    model = task.model()
    assert isinstance(model, Cmn)
    assert isinstance(model.embed, Standardised)
    values = [task.store.take(game, half, np.arange(150)) for game in root.games["train"] for half in (1, 2)]
    first_block = np.concatenate(values)[:, :6].astype(np.float64)
    assert float(model.embed.mean[0]) == pytest.approx(first_block.mean(), rel=0, abs=1e-6)
    assert float(model.embed.deviation[5]) == pytest.approx(first_block.std(), rel=0, abs=1e-6)
