"""Which chunks Cmn is trained on, and what they should say."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.specs.grounding import CmnSampling
from soccerbench.tasks.cmn import CmnSampler
from soccerbench.tasks.replay_queries import Query

CHUNK, FIELD, LENGTH = 120, 40, 1000
QUERIES = [
    Query("game", 1, 520, 527, event=500, label=3),
    Query("game", 1, 815, 820, event=800, label=3),
    Query("game", 1, 35, 40, event=10, label=5),
    Query("game", 2, 320, 327, event=300, label=3),
]


@pytest.fixture
def sampler() -> CmnSampler:
    return CmnSampler(QUERIES, [LENGTH] * 4, chunk=CHUNK, field=FIELD)


def test_a_positive_keeps_the_event_a_receptive_field_from_the_edges(sampler: CmnSampler) -> None:
    rng = np.random.default_rng(0)
    places = {QUERIES[0].event - sampler.positive(0, rng) for _ in range(2000)}
    assert places == set(range(FIELD, CHUNK - FIELD + 1))
    assert {sampler.positive(2, rng) for _ in range(50)} == {0}  # row 10: the chunk is moved into the half


def test_same_class_is_another_event_of_that_class_in_that_half(sampler: CmnSampler) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert FIELD <= 800 - sampler.same_class(0, rng) <= CHUNK - FIELD
        assert FIELD <= 500 - sampler.same_class(1, rng) <= CHUNK - FIELD
    alone = {sampler.same_class(3, rng) for _ in range(500)}  # no other of its half: anywhere
    assert min(alone) < 100
    assert max(alone) > LENGTH - CHUNK - 100


def test_anywhere_stays_inside_the_half() -> None:
    rng = np.random.default_rng(0)
    sampler = CmnSampler(QUERIES[:2], [122, 80], chunk=CHUNK, field=FIELD)
    assert {sampler.anywhere(0, rng) for _ in range(200)} == {0, 1, 2}
    assert sampler.anywhere(1, rng) == 0  # shorter than a chunk


def test_targets_give_the_true_position_of_the_event(sampler: CmnSampler) -> None:
    shifts, spotting = sampler.targets(np.array([0, 0, 0, 0]), np.array([500, 440, 381, 380]))
    assert shifts.shape == (4, CHUNK, 1)
    assert shifts[:, 0, 0].tolist() == [0, -60, -119, -120]
    assert (np.diff(shifts[..., 0], axis=1) == 1).all()
    expected = [[1, 0], [1, 60 / 119], [1, 1], [0, 0]]  # on the first row, within, on the last row, just behind it
    np.testing.assert_allclose(spotting[:, 0], expected, rtol=0, atol=1e-7)


def test_rounds_follow_the_recipe(sampler: CmnSampler) -> None:
    recipe = CmnSampling(positive=1, same_class=1, random=3, skip_half_the_batches=False, long_replays_zero=False)
    chosen = np.array([0, 1])
    rounds = list(sampler.rounds(chosen, recipe, np.random.default_rng(1)))
    assert [starts.shape for starts in rounds] == [(2,)] * 5
    same = list(sampler.rounds(chosen, recipe, np.random.default_rng(1)))
    np.testing.assert_array_equal(rounds, same)
    assert sampler.targets(chosen, rounds[0])[1][:, 0, 0].tolist() == [1, 1]
    assert sampler.targets(chosen, rounds[1])[1][:, 0, 0].tolist() == [0, 0]
