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
EVENTS = {("game", 1, 3): [500, 800, 900], ("game", 1, 5): [10]}  # row 900 is not replayed; half 2 is not annotated


@pytest.fixture
def sampler() -> CmnSampler:
    return CmnSampler(QUERIES, [LENGTH] * 4, EVENTS, chunk=CHUNK, field=FIELD)


def test_a_positive_keeps_the_event_a_receptive_field_from_the_edges(sampler: CmnSampler) -> None:
    rng = np.random.default_rng(0)
    places = {QUERIES[0].event - sampler.positive(0, rng) for _ in range(2000)}
    assert places == set(range(FIELD + 1, CHUNK - FIELD + 1))
    assert {sampler.positive(2, rng) for _ in range(50)} == {0}  # row 10: the chunk is moved into the half


def test_same_class_is_any_annotated_event_of_that_class_in_that_half(sampler: CmnSampler) -> None:
    rng = np.random.default_rng(0)
    starts = {sampler.same_class(0, rng) for _ in range(3000)}
    assert starts == {event - place for event in (500, 800, 900) for place in range(FIELD + 1, CHUNK - FIELD + 1)}
    alone = {sampler.same_class(3, rng) for _ in range(500)}  # no event in its half: anywhere
    assert min(alone) < 100
    assert max(alone) > LENGTH - CHUNK - 100


def test_anywhere_is_drawn_from_the_whole_half_and_moved_back_inside() -> None:
    rng = np.random.default_rng(0)
    sampler = CmnSampler(QUERIES[:2], [123, 80], {}, chunk=CHUNK, field=FIELD)
    drawn = [sampler.anywhere(0, rng) for _ in range(1000)]
    assert set(drawn) == {0, 1, 2}
    assert drawn.count(2) > 900  # 121 of 123 rows are moved back to the last chunk that fits before the last row
    assert sampler.anywhere(1, rng) == 0  # shorter than a chunk


def test_targets_give_the_true_position_of_the_event(sampler: CmnSampler) -> None:
    shifts, spotting = sampler.targets(np.array([0, 0, 0, 0]), np.array([500, 440, 381, 380]))
    assert shifts.shape == (4, CHUNK, 1)
    assert shifts[:, 0, 0].tolist() == [0, -60, -119, -120]
    assert (np.diff(shifts[..., 0], axis=1) == 1).all()
    expected = [
        [1, 0],
        [1, 60 / 120],
        [1, 119 / 120],
        [0, 0],
    ]  # the first row, within, the last row, behind it
    np.testing.assert_allclose(spotting[:, 0], expected, rtol=0, atol=1e-7)


def test_rounds_follow_the_recipe(sampler: CmnSampler) -> None:
    recipe = CmnSampling(positive=1, same_class=1, random=3, skip_half_the_batches=False, drop_filling_copy=False)
    chosen = np.array([0, 1])
    rounds = list(sampler.rounds(chosen, recipe, np.random.default_rng(1)))
    assert [starts.shape for starts in rounds] == [(2,)] * 5
    same = list(sampler.rounds(chosen, recipe, np.random.default_rng(1)))
    np.testing.assert_array_equal(rounds, same)
    assert sampler.targets(chosen, rounds[0])[1][:, 0, 0].tolist() == [1, 1]
