"""Figure 3: what is counted, what is written, and that the same data give the same bytes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.report.figures.figure3 import histogram, intervals_of, read_games, summary, write_figure3
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.replays import GameReplays, Link, Replay
from soccerbench.specs.figures import load_figure3

FOUL, GOAL, CORNER = (CLASS_INDEX[label] for label in ("Foul", "Goal", "Corner"))
SPEC = load_figure3()


@pytest.fixture
def games() -> list[GameReplays]:
    """Two games by hand: intervals of 30.5, 0, 120, 120.5, -10 and 400 s, so that 3 of 6 are in 0 to 120 s."""
    first = (
        Replay(1, 40_000, 45_500, Link(1, FOUL, 15)),
        Replay(1, 50_000, 55_000, Link(1, FOUL, 55, 55_000)),
        Replay(1, 180_000, 190_000, Link(1, GOAL, 70)),
        Replay(1, 300_000, 300_500, Link(1, GOAL, 180, 180_000)),
        Replay(2, 20_000, 25_000, Link(1, CORNER, 2500)),  # the other half: counted among the classes alone
        Replay(2, 30_000, 35_000),  # no link
    )
    second = (Replay(2, 90_000, 95_000, Link(2, FOUL, 105)), Replay(2, 995_000, 1_000_000, Link(2, FOUL, 600)))
    return [GameReplays("a", first), GameReplays("b", second)]


def test_the_share_is_that_counted_by_hand(games: list[GameReplays]) -> None:
    assert intervals_of(games).tolist() == [30.5, 0, 120, 120.5, -10, 400]
    content = summary(games, SPEC, dataset="by hand", simulated=True)
    assert (content["window_s"], content["share"]) == ([0, 120], 0.5)  # both edges count
    counts = [content[f"replays{what}"] for what in ("", "_of_the_other_half", "_without_link")]
    assert (content["games"], *counts) == (2, 8, 1, 1)
    assert list(content["classes"].items())[:3] == [("Foul", 4), ("Goal", 2), ("Corner", 1)]
    assert sorted(content["classes"]) == sorted(CLASSES)


def test_outer_bars_hold_what_is_beyond() -> None:
    edges, counts = histogram(np.array([-500, -60, 0, 4.999, 5, 299, 300, 10_000]), SPEC)
    assert (edges[0], edges[1], edges[-1]) == (-60, -55, 300)
    bars = dict(zip(edges[:-1].tolist(), counts.tolist(), strict=True))
    assert {start: count for start, count in bars.items() if count} == {-60: 2, 0: 2, 5: 1, 295: 3}


def test_published_only_next_to_real_data(games: list[GameReplays]) -> None:
    real = summary(games, SPEC, dataset="real", simulated=False)
    assert (real["share"], real["published_share"]) == (0.5, 0.9283)
    assert summary(games, SPEC, dataset="mini", simulated=True)["published_share"] is None


def test_the_same_data_give_the_same_bytes(games: list[GameReplays], tmp_path: Path) -> None:
    content = summary(games, SPEC, dataset="by hand", simulated=False)
    for folder in ("one", "two"):
        write_figure3(tmp_path / folder, content)
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["figure3.csv", "figure3.json", "figure3.png", "figure3.svg"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    drawn = (tmp_path / "one" / "figure3.svg").read_text()
    assert "50.00 % in 0 to 120 s" in drawn
    assert "published 92.83 %" in drawn
    assert json.loads((tmp_path / "one" / "figure3.json").read_text()) == content
    lines = list(csv.DictReader((tmp_path / "one" / "figure3.csv").read_text().splitlines()))
    assert sum(int(line["replays"]) for line in lines if line["panel"] == "a") == 6
    classes = [(line["class"], line["replays"]) for line in lines if line["panel"] == "b"]
    assert classes[:2] == [("Foul", "4"), ("Goal", "2")]


def test_nothing_to_draw_is_drawn_too(tmp_path: Path) -> None:
    content = summary([], SPEC, dataset="empty", simulated=False)
    assert content["share"] is None
    write_figure3(tmp_path, content)
    assert "no replay with its event" in (tmp_path / "figure3.svg").read_text()


def test_a_root_without_cameras(tiny_root: Path) -> None:
    for file in tiny_root.rglob("Labels-cameras.json"):
        file.unlink()
    with pytest.raises(InputError, match=r"no game has a Labels-cameras\.json"):
        read_games(Dataset(tiny_root), SPEC)


def test_reproduce_figure3(shared_tiny_root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from soccerbench.cli import main; main()", "reproduce", "figure3"]
    done = subprocess.run(
        [*command, "--data", str(shared_tiny_root)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder = Path("runs", "tiny", "figure3")
    content = json.loads((tmp_path / folder / "figure3.json").read_text())
    assert content["games"] == 4  # the challenge is left out
    assert content["share"] == 1
    assert f"100.00 % of {content['intervals']} replays" in done.stdout
    refused = subprocess.run([*command, "--rows", "1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "figure3 trains nothing: leave out --rows;" in refused.stderr
