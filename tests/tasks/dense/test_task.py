"""The task of a dense head: chunks and targets, the shuffled control, times of detections, resuming."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interruption import Killed, killing_at

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.progress import Progress, silent
from soccerbench.specs.dense import MixupQueue
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.specs.spotting import DenseRow, is_dense
from soccerbench.tasks.dense.task import Chunks, DenseTask
from soccerbench.tasks.spotting_steps import FrameScores, detections
from soccerbench.training.loop import train

SMALL = ("max_epochs=2", "chunks_per_epoch=24", "batch_size=8", "chunk_s=40", "stride_s=20", "border_s=0")

HEADS = list({row.head: None for row in load_table("table2plus").rows if isinstance(row, DenseRow)})


def row_of(head: str, *settings: str) -> Any:
    rows = load_table("table2plus", mini=True, settings=[parse_setting(text) for text in (*SMALL, *settings)]).rows
    return next(row for row in rows if row.head == head)


def task_of(root: Path, row: DenseRow) -> DenseTask:
    data = Dataset(root)
    return DenseTask(row, data.store(row.blocks), train=data.labels("train"), valid=data.labels("valid"))


def test_chunks_start_anywhere_inside_the_half(shared_tiny_root: Path) -> None:
    chunks = task_of(shared_tiny_root, row_of("bigru")).train
    places = chunks.draw(np.random.default_rng(0), 4000)
    starts = {start for _, _, start in places}
    assert starts == set(range(150 - 40 + 1))
    assert {(game, half) for game, half, _ in places} == {(game, half) for game in chunks.games for half in (1, 2)}
    counts = np.bincount([start for _, _, start in places])
    assert counts.min() > 0.4 * counts.mean()


def test_a_batch_has_the_rows_and_the_targets_of_its_chunks(shared_tiny_root: Path) -> None:
    row = row_of("bigru")
    task = task_of(shared_tiny_root, row)
    labels, (game, half, start) = Dataset(shared_tiny_root).labels("train"), (task.train.games[1], 2, 33)
    batch = task.train.read([(game, 1, 0), (game, half, start)])
    np.testing.assert_array_equal(batch.features[1], task.store.take(game, half, np.arange(33, 73)))
    events = labels[game]
    for frame, target in enumerate(batch.targets[1]):
        at_s = 33 + 0.25 + frame / 2  # row 33 covers the second from 33 to 34, in two frames
        near = [
            (abs(position / 1000 - at_s), 1 + label)
            for position, label, of_half in zip(events.position_ms, events.label, events.half, strict=True)
            if of_half == half and abs(position / 1000 - at_s) <= row.radius_s
        ]
        assert target.argmax().item() == (min(near)[1] if near else 0)
        assert target.sum() == 1


@pytest.mark.parametrize(("place", "position_s", "frames"), [
    (10, 9.25, [0]),  # a radius of 1 s: first frame of a chunk at 10.25 s, last at 49.75 s
    (10, 50.75, [79]),
    (10, 9.125, []),
    (10, 50.875, []),
])  # fmt: skip
def test_an_event_outside_of_a_chunk_counts_up_to_its_radius(
    shared_tiny_root: Path, place: int, position_s: float, frames: list[int]
) -> None:
    row, data = row_of("bigru", "radius_s=1"), Dataset(shared_tiny_root)
    game = data.games["train"][0]
    events = Events(np.array([1]), np.array([4]), np.array([int(1000 * position_s)]), game=game)
    batch = Chunks(data.store(row.blocks), {game: events}, row).read([(game, 1, place)])
    assert np.flatnonzero(batch.targets[0, :, 5]).tolist() == frames


def test_the_share_of_positives_is_of_all_frames(shared_tiny_root: Path) -> None:
    row, data = row_of("bigru", "radius_s=1"), Dataset(shared_tiny_root)
    game = data.games["train"][0]
    events = Events(np.array([1, 2]), np.array([4, 4]), np.array([0, 0]), game=game)
    shares = Chunks(data.store(row.blocks), {game: events}, row).positives()
    wanted = np.where(np.arange(18) == 5, 4 / 600, 0)  # the first two of each half; output 0 is the background
    wanted[0] = 1 - 4 / 600
    np.testing.assert_allclose(shares, wanted, rtol=0, atol=1e-7)


def test_a_displacement_that_is_trained_apart_has_its_own_loss(shared_tiny_root: Path) -> None:
    row = row_of("unet", "chunk_s=12", "stride_s=12")
    row = row.model_copy(update={"architecture": {"projections": [4, 4], "widths": [4, 8]}})
    task = task_of(shared_tiny_root, row)
    first = task.trained_first
    assert first is not None
    batch = task.train.read(task.train.draw(np.random.default_rng(0), 2))
    apart = first.model()
    first.loss(apart, batch).backward()
    assert all(weight.grad is not None for weight in apart.parameters())
    both = task.model()
    loss = task.loss(both, batch)
    moved = batch._replace(displacement=batch.displacement + 1)
    assert task.loss(both, moved).item() == loss.item()  # of the scores alone
    assert first.loss(apart, moved).item() != first.loss(apart, batch).item()
    batches = list(task.valid_batches())
    assert [len(one.features) for one in batches] == [26]  # 2 halves of 13 chunks together, the batch size being 8


def test_the_shuffled_control_has_other_events_in_each_half(shared_tiny_root: Path) -> None:
    true, shuffled = (
        task_of(shared_tiny_root, row_of("bigru", f"shuffle_labels={flag}")) for flag in ("false", "true")
    )
    place = (true.train.games[0], 1, 0)
    assert not torch.equal(true.train.read([place]).targets, shuffled.train.read([place]).targets)
    np.testing.assert_allclose(true.train.positives(), shuffled.train.positives(), rtol=0, atol=0.02)


def test_detections_are_at_the_middle_of_their_frame() -> None:
    row = row_of("bigru")
    scores = np.zeros((80, 17), dtype=np.float32)
    scores[41, 4] = 0.9
    found = detections({1: FrameScores(scores, *row.grid(1))}, row.steps, game="")
    assert found.position_ms[found.confidences > 0.5].tolist() == [20_750]


@pytest.mark.parametrize(
    ("head", "keys", "dense"),
    [
        ("bigru", (), True),
        ("netvlad++", ("stride_s",), False),
        ("mine:Head", ("stride_s",), True),
        ("mine:Head", (), False),
    ],
)
def test_a_custom_head_is_dense_if_its_row_has_dense_keys(head: str, keys: tuple[str, ...], dense: bool) -> None:
    assert is_dense(head, keys) == dense


@pytest.mark.parity
@pytest.mark.parametrize("head", HEADS)
def test_a_tiny_set_is_learnt_by_heart(shared_tiny_root: Path, head: str) -> None:
    row = row_of(head, "mixup_alpha=null", "chunk_s=12", "stride_s=12")
    task = task_of(shared_tiny_root, row)
    batch = task.train.read(task.train.draw(np.random.default_rng(0), 2))
    for part in filter(None, (task.trained_first, task)):
        model = part.model().eval()
        weights = [value for value in model.parameters() if value.requires_grad]
        optimiser = torch.optim.Adam(weights, lr=2e-3)
        first = part.loss(model, batch).item()
        for _ in range(120):
            optimiser.zero_grad()
            loss = part.loss(model, batch)
            loss.backward()
            optimiser.step()
        assert loss.item() < 0.05 * first


@pytest.mark.parametrize(
    ("head", "sizes"),
    [
        ("bigru", {"hidden": 4, "layers": 1, "dropout": 0.5}),
        ("tdeed", {"d_model": 4, "levels": 1, "kernel": 3, "ratio": 1}),
        ("astra", {"d_model": 4, "heads": 2, "feedforward": 4, "decoder_layers": 1, "dropout": 0.1,
                   "block_dropout": 0.4, "drop": 0.5, "switch": 0.3}),
    ],
)  # fmt: skip
def test_a_resumed_training_equals_an_uninterrupted_one(
    shared_tiny_root: Path, tmp_path: Path, head: str, sizes: dict[str, Any]
) -> None:
    """Killed in its second epoch; ASTRA with all its draws and its mix-up queue."""
    row = row_of(head, "chunk_s=12", "stride_s=12", "chunks_per_epoch=12", "batch_size=4")
    row = row.model_copy(update={"architecture": sizes})
    if head == "astra":
        row = row.model_copy(update={"mixup_queue": MixupQueue(per_class=2, alpha=1, beta=0.6)})

    def weights(name: str, progress: Progress) -> dict[str, torch.Tensor]:
        task, folder = task_of(shared_tiny_root, row), tmp_path / name
        return train(
            task, row, seed=0, folder=folder, device="cpu", identity={}, progress=progress,
            recipe=row.optimiser, annealing=row.annealing,
        ).model.state_dict()  # fmt: skip

    whole = weights("whole", silent)
    with pytest.raises(Killed):
        weights("killed", killing_at(5))
    assert (tmp_path / "killed/checkpoint.pt").exists()
    torch.manual_seed(1)
    resumed = weights("killed", silent)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_astra_begins_at_the_best_constants(shared_tiny_root: Path) -> None:
    task = task_of(shared_tiny_root, row_of("astra", "stride_s=12", "chunk_s=12"))
    model = task.model()
    model = getattr(model, "head", model)  # without the statistics of the features
    scores = model.heads["scores"][-1].bias
    assert scores[0] > 0 > scores[1:].max()  # the background is likely, no class is
    assert model.heads["log_variance"][-1].bias.unique().item() == pytest.approx(math.log(36 / 7))


def test_events_beyond_the_half_are_refused(shared_tiny_root: Path) -> None:
    row, data = row_of("bigru"), Dataset(shared_tiny_root)
    game = data.games["train"][0]
    late = Events(np.array([1]), np.array([0]), np.array([400_000]), game=game)
    with pytest.raises(InputError, match="half 1: an event at 400 s, but the features end at 150 s"):
        Chunks(data.store(row.blocks), {game: late}, row)
