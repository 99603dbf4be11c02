"""The naive baselines: a delay chosen on training games, or given."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_data import SHARED

from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.grounding_predictions import write_grounding_predictions
from soccerbench.soccernet.replays import GameReplays, Link, Replay, read_replays
from soccerbench.soccernet.submission import validate_submission
from soccerbench.specs.grounding import NaiveRow
from soccerbench.specs.load import load_table
from soccerbench.tasks.naive import NaiveTask, best_delay_s


def row(number: int) -> NaiveRow:
    found = next(row for row in load_table("table3").rows if row.row == number)
    assert isinstance(found, NaiveRow)
    return found


def test_the_best_delay_is_near_most_of_them() -> None:
    assert best_delay_s([20, 20, 20, 100]) == 20
    assert best_delay_s([18, 20, 22, 100]) == 20  # within 2.5 s of all three, as nothing else is


def test_a_delay_chosen_on_training_games() -> None:
    replays = tuple(Replay(1, 1000 * start, 1000 * start + 6000, Link(1, 3, start - 17)) for start in (100, 200, 300))
    elsewhere = (Replay(1, 400_000, 401_000, Link(2, 3, 10)), Replay(1, 410_000, 420_000))
    task = NaiveTask(row(31), train={"a": GameReplays("a", (*replays, *elsewhere))})
    found = task.detect(None, GameReplays("b", (Replay(2, 50_000, 58_900), Replay(2, 9_000, 12_000))), None)
    first, second = found.replays
    assert (first.half, first.start_s, first.end_s) == (2, 50, 58)
    assert (first.time_s.tolist(), first.score.tolist()) == ([33.0], [1.0])
    assert second.time_s.tolist() == []  # it would be before the half


def test_thirty_seconds_before_the_end() -> None:
    found = NaiveTask(row(32), train={}).detect(None, GameReplays("b", (Replay(1, 50_000, 58_500),)), None)
    assert found.replays[0].time_s.tolist() == [28.5]


def test_a_submission_for_the_replays_of_the_real_challenge(tmp_path: Path) -> None:
    labels = SHARED / "replay_labels_challenge.zip"
    if not labels.exists():
        pytest.skip("needs the reference data")
    tree, task = Tree(labels), NaiveTask(row(32), train={})
    games = [read_replays(tree, game, strict=True) for game in official_games("challenge")]
    assert sum(len(game.replays) for game in games) == 3146
    write_grounding_predictions(tmp_path / "submission.zip", (task.detect(None, game, None) for game in games))
    problems = validate_submission(tmp_path / "submission.zip", task="grounding", split="challenge", labels=labels)
    assert problems == []


@pytest.mark.parametrize(
    ("delays_s", "best"),
    [
        ([0.0, 0.0, 5.0], 1.0),  # 0 to 2 s: near the first two at 2.5 s, and at 5 s, edge included, near all
        ([130.0], 120.0),  # no delay is longer
    ],
)
def test_the_best_delay_by_hand(delays_s: list[float], best: float) -> None:
    assert best_delay_s(delays_s) == best
