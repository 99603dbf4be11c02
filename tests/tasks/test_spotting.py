"""Action spotting: clips and targets, mix-up, event rows, detections."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soccerbench.errors import InputError, SpecError
from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.models.sliding import centred_windows
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.spotting import Batch, Clips, SpottingTask, event_rows, mix_up
from soccerbench.tasks.spotting_steps import detections
from soccerbench.tasks.windows import whole_half


def labels_of(game: str, *events: tuple[int, int, int]) -> Events:
    """Labels from (half, class, position_ms)."""
    half, label, position = np.array(events).T
    return Events(half, label, position, game=game)


def row(number: int, **changes: object) -> SpottingRow:
    """A row of Table 2 as it runs on mini."""
    return load_table("table2", mini=True).rows[number - 1].model_copy(update=changes)


@pytest.fixture
def root(shared_tiny_root: Path) -> Dataset:
    return Dataset(shared_tiny_root)


def test_clips_are_end_to_end_and_the_last_one_is_filled_up(root: Dataset) -> None:
    store, game = root.store(["vtn"]), root.games["test"][0]
    clips = Clips(store, {game: labels_of(game, (1, 0, 0))}, clip_frames=40, shift_s=0)
    assert len(clips) == 8  # two halves of 150 rows: 0, 40, 80, 120
    features = clips.take([3]).features[0].numpy()
    half = store.take(game, 1, np.arange(150))
    np.testing.assert_array_equal(features[:30], half[120:])
    np.testing.assert_array_equal(features[30:], np.repeat(half[-1:], 10, axis=0))


def test_targets_name_every_class_in_a_clip_or_else_the_background(root: Dataset) -> None:
    game = root.games["test"][0]
    labels = labels_of(
        game, (1, 2, 0), (1, 3, 39_999), (1, 5, 40_000), (1, 6, 79_999), (2, 0, 149_000), (2, 16, 151_000)
    )
    targets = Clips(root.store(["vtn"]), {game: labels}, clip_frames=40, shift_s=0).targets
    happened = [set(np.flatnonzero(line)) for line in targets]
    assert happened == [{3, 4}, {6, 7}, {0}, {0}, {0}, {0}, {0}, {1, 17}]
    assert set(targets.flat) == {0, 1}


def test_events_past_the_last_clip_are_left_out(root: Dataset) -> None:
    game = root.games["test"][0]
    targets = Clips(root.store(["vtn"]), {game: labels_of(game, (1, 3, 165_000))}, clip_frames=50, shift_s=0).targets
    assert (targets[:, 0] == 1).all()
    assert targets[:, 1:].sum() == 0


def test_a_chunk_is_a_whole_number_of_rows(root: Dataset) -> None:
    labels = {game: labels_of(game, (1, 0, 0)) for game in root.games["train"]}
    halved = row(8, chunk_s=6.5)
    assert SpottingTask(halved, root.store(["resnet"]), train=labels, valid={}).clip_frames == 13  # two rows a second
    with pytest.raises(SpecError, match=r"row 8: chunk_s: 6.5 s is 6.5 feature rows at 1 per .* multiple of 1 s"):
        SpottingTask(halved, root.store(["vtn"]), train=labels, valid={})


@pytest.mark.parametrize(
    ("position_ms", "blocks", "shift_s", "expected"),
    [
        (0, ["vtn"], 0.0, 0),
        (1_999, ["vtn"], 0.0, 1),
        (1_999, ["resnet"], 0.0, 3),
        (2_000, ["resnet"], 0.0, 4),
        (2_400, ["vtn"], 0.5, 1),
        (2_400, ["vtn"], 2.5, -1),
    ],
)
def test_event_rows(root: Dataset, position_ms: int, blocks: list[str], shift_s: float, expected: int) -> None:
    game = root.games["test"][0]
    rows = event_rows(root.store(blocks), labels_of(game, (1, 0, position_ms)), 1, shift_s=shift_s)
    assert rows.tolist() == [expected]


def test_an_event_far_beyond_its_half_is_an_error(root: Dataset) -> None:
    game = root.games["test"][0]
    with pytest.raises(InputError, match="half 2: an event at 1000 s, but the features end at 150 s"):
        event_rows(root.store(["vtn"]), labels_of(game, (2, 0, 1_000_000)), 2, shift_s=0)


def test_one_epoch_sees_every_clip_once_and_depends_on_the_generator_alone(root: Dataset) -> None:
    task = SpottingTask(row(2, batch_size=7), root.store(["tpn-r50"]), train=root.labels("train"), valid={})
    batches = list(task.batches(np.random.default_rng(3)))
    assert len(batches) == task.steps == 6  # 2 games · 2 halves · 10 clips of 15 s
    seen = torch.cat([batch.features for batch in batches]).flatten(1)
    assert len(torch.unique(seen, dim=0)) == 40
    again = torch.cat([batch.features for batch in task.batches(np.random.default_rng(3))]).flatten(1)
    other = torch.cat([batch.features for batch in task.batches(np.random.default_rng(4))]).flatten(1)
    assert torch.equal(seen, again)
    assert not torch.equal(seen, other)
    assert list(task.valid_batches()) == []


def test_mix_up_blends_features_and_targets_alike() -> None:
    features = torch.eye(6)[:, None, :]
    mixed = mix_up(Batch(features, torch.eye(6)), alpha=0.2, rng=np.random.default_rng(0))
    assert torch.equal(mixed.features[:, 0], mixed.targets)
    torch.testing.assert_close(mixed.targets.sum(dim=1), torch.ones(6))
    assert len(mixed.targets.unique()) > 1


def test_the_loss_is_the_mean_cross_entropy_of_the_classes(root: Dataset) -> None:
    task = SpottingTask(row(2), root.store(["tpn-r50"]), train=root.labels("train"), valid={})
    logits = torch.zeros(2, 18)
    logits[0, 3] = math.log(3)  # 3/4 for a class that is there
    targets = torch.zeros(2, 18)
    targets[0, 3] = 1
    loss = task.loss(lambda _: logits, Batch(torch.zeros(2, 15, 6), targets))  # type: ignore[arg-type, return-value]
    assert loss.item() == pytest.approx((35 * math.log(2) + math.log(4 / 3)) / 36, rel=0, abs=1e-6)


class Teller(nn.Module):
    """A head that reads the class scores of a window off its central row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, features: Tensor) -> Tensor:
        centre = features[:, features.shape[1] // 2]
        return torch.cat([torch.zeros(len(centre), 1), centre.repeat(1, 17)[:, :17]], dim=1)


def detected(task: SpottingTask, game: str) -> Events:
    """What the head finds in a game."""
    halves = {half: whole_half(task.store, game, half, torch.device("cpu")) for half in (1, 2)}
    scores = {half: task.scores(task.row, Teller(4).eval(), rows, 1) for half, rows in halves.items()}
    return detections(scores, task.row.steps, game=game)


def test_detections_come_from_the_centre_of_the_window(root: Dataset) -> None:
    game, store = root.games["test"][0], root.store(["vtn"])
    task = SpottingTask(row(8, nms_s=20.0), store, train=root.labels("train"), valid={}, head=Teller)
    found = detected(task, game)
    assert found.game == game
    assert set(found.label.tolist()) == set(range(len(CLASSES)))
    first = (found.half == 1) & (found.label == 2)
    scores = torch.from_numpy(store.take(game, 1, np.arange(150))[:, 2]).sigmoid().numpy()
    assert found.position_ms[first][0] == 1000 * scores.argmax()
    np.testing.assert_allclose(found.confidence[first], scores[found.position_ms[first] // 1000], rtol=0, atol=1e-6)
    kept = np.sort(found.position_ms[first])
    assert (np.diff(kept) >= 10_000).all()


def test_a_shift_moves_detections_with_the_events(root: Dataset) -> None:
    game, store = root.games["test"][0], root.store(["vtn"])
    at = {}
    for shift_s in (0.0, 2.5):
        task = SpottingTask(row(8, shift_s=shift_s), store, train=root.labels("train"), valid={}, head=Teller)
        at[shift_s] = detected(task, game).position_ms
    np.testing.assert_array_equal(at[2.5] - at[0.0], 2500)


def test_standardised_features_have_mean_zero_and_deviation_one_in_each_block(root: Dataset) -> None:
    store = root.store(["vtn", "tpn-r50"])
    task = SpottingTask(row(7, standardise=True), store, train=root.labels("train"), valid={})
    model = task.model().eval()
    values = torch.cat([batch.features for batch in task.batches(np.random.default_rng(0))]).flatten(0, 1)
    scaled = (task.batches, model.get_buffer("mean"), model.get_buffer("deviation"))
    for block in (slice(0, 4), slice(4, 10)):
        part = ((values - scaled[1]) / scaled[2])[:, block]
        assert abs(part.mean().item()) < 0.2  # the batches are mixed up: means stay, deviations shrink a little
        assert 0.7 < part.std().item() < 1.1
    rows = torch.from_numpy(store.take(root.games["test"][0], 1, np.arange(150)))
    windows = rows[centred_windows(150, task.clip_frames)]
    with torch.no_grad():
        torch.testing.assert_close(model.slide(rows, task.clip_frames), model(windows), atol=1e-5, rtol=0)  # type: ignore[operator]


def test_windows_of_a_half_of_one_row_and_stores_of_two_rates(root: Dataset) -> None:
    store = FeatureStore(root.path, ["resnet"])
    task = SpottingTask(row(1), store, train=root.labels("train"), valid=root.labels("valid"))
    assert task.clip_frames == 30
    assert next(iter(task.valid_batches())).features.shape[1:] == (30, 6)
