"""Replays on the feature grid, and the clips that show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.soccernet.replays import GameReplays, Link, Replay
from soccerbench.tasks.replay_queries import Query, clip, event_rows, learnt, query, shuffled, tiled

LENGTH = 100


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    (tmp_path / "game").mkdir()
    for half in (1, 2):
        rows = np.arange(LENGTH, dtype=np.float32)[:, None].repeat(384, axis=1)
        np.save(tmp_path / "game" / f"{half}_tpn_r50.npy", rows[:, :1].repeat(2048, axis=1))
    return FeatureStore(tmp_path, ("tpn-r50",))


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "shift_s", "rows"),
    [
        (20_000, 27_000, 0.0, (20, 27)),
        (20_400, 26_600, 0.0, (20, 27)),  # to the nearest row
        (20_000, 27_000, 2.0, (18, 25)),  # row 18 stands for second 20
        (20_000, 20_000, 0.0, (20, 21)),  # zero seconds: one row
        (0, 3_000, 0.0, (0, 3)),
        (98_000, 105_000, 0.0, (98, 100)),  # past the last row
        (104_000, 105_000, 0.0, (99, 100)),
    ],
)
def test_rows_of_a_replay(
    store: FeatureStore, start_ms: int, end_ms: int, shift_s: float, rows: tuple[int, int]
) -> None:
    asked = query(store, "game", Replay(1, start_ms, end_ms), shift_s=shift_s)
    assert (asked.start, asked.stop) == rows
    assert (asked.event, asked.label) == (-1, -1)  # not known
    assert clip(store, asked, longest=LENGTH)[:, 0].tolist() == list(range(*rows))


def test_a_replay_far_behind_the_features_is_refused(store: FeatureStore) -> None:
    with pytest.raises(InputError, match="a replay at 300 s, but the features end at 100 s; use labels and features"):
        query(store, "game", Replay(2, 290_000, 300_000), shift_s=0)


def test_only_links_into_the_same_half_and_its_features_are_learnt_from(store: FeatureStore) -> None:
    replays = (
        Replay(1, 30_000, 35_000, Link(1, 10, 12)),
        Replay(1, 30_000, 35_000, Link(2, 10, 12)),  # the other half
        Replay(1, 30_000, 35_000),  # withheld
        Replay(1, 30_000, 35_000, Link(1, 10, LENGTH)),  # behind the last row
    )
    assert learnt(store, {"game": GameReplays("game", replays)}, shift_s=0) == [Query("game", 1, 30, 35, 12, 10)]


def test_shuffling_reassigns_all_events() -> None:
    queries = [Query(f"game {n % 3}", 1, 10 * n, 10 * n + 5, event=n, label=n) for n in range(12)]
    dealt = shuffled(queries, np.random.default_rng(0))
    assert [(one.game, one.start, one.stop) for one in dealt] == [(one.game, one.start, one.stop) for one in queries]
    assert sorted(one.event for one in dealt) == list(range(12))
    assert all(one.event == one.label for one in dealt)
    assert sum(one.event == other.event for one, other in zip(dealt, queries, strict=True)) <= 2


def test_learning_from_shuffled_links_is_the_same_each_time(store: FeatureStore) -> None:
    replays = tuple(Replay(1, 1000 * n + 500, 1000 * n + 900, Link(1, 3, n)) for n in range(40))
    games = {"game": GameReplays("game", replays)}
    dealt = [learnt(store, games, shift_s=0, shuffle=True) for _ in range(2)]
    assert dealt[0] == dealt[1] != learnt(store, games, shift_s=0)


@pytest.mark.parametrize(
    ("rows", "zero", "expected"),
    [
        (3, False, [0, 1, 2, 0, 1, 2, 0, 1, 2, None]),  # whole copies, zero behind them
        (7, False, [0, 1, 2, 3, 4, 5, 6, None, None, None]),
        (10, False, list(range(10))),
        (10, True, [None] * 10),  # as the released code leaves it
        (9, True, [*range(9), None]),
        (5, True, [*range(5), *[None] * 5]),
    ],
)
def test_tiling(rows: int, zero: bool, expected: list[int | None]) -> None:
    replay = np.stack([np.arange(rows), np.ones(rows)], axis=1).astype(np.float32)
    filled = tiled(replay, 10, drop_filling_copy=zero)
    assert [int(row[0]) if row[1] else None for row in filled] == expected


def test_events_are_at_the_row_of_their_whole_second_at_two_rows_a_second(shared_tiny_root: Path) -> None:
    root = Dataset(shared_tiny_root)
    store, game = root.store(("resnet",)), root.games["test"][0]
    replays = GameReplays(game, (Replay(1, 30_000, 35_000, Link(1, 10, 12)),))
    assert learnt(store, {game: replays}, shift_s=0.5) == [Query(game, 1, 59, 69, 23, 10)]
    given = Events([1, 2, 2], [4, 5, 6], [12_900, 0, 200_000], game=game)
    assert event_rows(store, given, game, shift_s=0.5) == [(1, 4, 23), (2, 5, 0), (2, 6, 299)]
