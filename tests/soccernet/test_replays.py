"""Replays and camera annotations: shots from entries, links and their quirks, and what the challenge files hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASS_INDEX
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.replays import (
    UNREADABLE_S,
    GameReplays,
    Link,
    Replay,
    read_camera_annotations,
    read_replays,
)

REFERENCE = SHARED / "replay_labels_challenge.zip"
GAME = "league/2020-2021/game"
LINK = {"half": "1", "label": "Goal", "position": "80400", "team": "home", "time": "01:20", "visibility": "visible"}


def shot(time: str, kind: str = "replay", **more: Any) -> dict[str, Any]:
    position = 1000 * (60 * int(time[4:6]) + int(time[7:9])) + 250
    return {"gameTime": time, "position": str(position), "change_type": "abrupt", "label": "", "replay": kind, **more}


SHOTS = [
    shot("1 - 01:35", "real-time"),
    shot("1 - 01:40", link=LINK),
    shot("1 - 01:50", link=""),
    shot("1 - 01:50", link={"half": "2", "label": "Foul", "time": "00:10"}),
    shot("2 - 00:07", link={key: value for key, value in LINK.items() if key != "position"}),
]


def write(root: Path, annotations: Any, file: str = "Labels-cameras.json") -> Tree:
    (root / GAME).mkdir(parents=True, exist_ok=True)
    (root / GAME / file).write_text(json.dumps({"UrlLocal": GAME, "annotations": annotations}))
    return Tree(root)


def read(root: Path, annotations: Any, *, strict: bool = True) -> GameReplays:
    return read_replays(write(root, annotations), GAME, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
def test_an_entry_ends_its_shot_and_the_one_before_starts_it(tmp_path: Path, strict: bool) -> None:
    game = read(tmp_path, SHOTS, strict=strict)
    assert not game.warnings
    assert game.replays == (
        Replay(1, 95_250, 100_250, Link(1, CLASS_INDEX["Goal"], 80, 80_400), 100),
        Replay(1, 100_250, 110_250, None, 110),
        Replay(1, 110_250, 110_250, Link(2, CLASS_INDEX["Foul"], 10), 110),  # no length, its event in the other half
        Replay(2, 0, 7_250, Link(1, CLASS_INDEX["Goal"], 80), 7),  # the first of its half starts with it
    )
    assert [replay.same_half for replay in game.replays] == [True, False, False, False]
    assert (game.replays[0].start_s, game.replays[0].end_s) == (95, 100)


@pytest.mark.parametrize(("position", "end_ms"), [("99100", 99_100), ("101000", 101_000), ("132250", 132_250)])
def test_a_replay_is_named_by_the_second_that_is_scored(tmp_path: Path, position: str, end_ms: int) -> None:
    shots = [SHOTS[0], shot("1 - 01:40", link=LINK) | {"position": position}]
    (replay,) = read(tmp_path, shots).replays
    found = read_camera_annotations(Tree(tmp_path), GAME, strict=True).annotations
    assert (replay.end_ms, replay.end_s) == (end_ms, found.time_s[1]) == (end_ms, 100)


def test_no_replays_at_all(tmp_path: Path) -> None:
    assert read(tmp_path, []).replays == ()
    assert read(tmp_path, [shot("1 - 00:10", "real-time")]).replays == ()


def test_the_replay_file_serves_where_there_are_no_cameras(tmp_path: Path) -> None:
    tree = write(tmp_path, SHOTS[:2], "Labels-replays.json")
    assert len(read_replays(tree, GAME, strict=True).replays) == 1
    write(tmp_path, SHOTS)
    assert len(read_replays(tree, GAME, strict=True).replays) == 4
    assert len(read_replays(tree, GAME, strict=True, file="Labels-replays.json").replays) == 1
    with pytest.raises(InputError, match=r"Labels-cameras\.json: missing"):
        read_replays(tree, "league/2020-2021/other", strict=True)


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        (LINK | {"label": "Gaol"}, "unknown event 'Gaol'"),
        (LINK | {"half": "3"}, "half '3' is neither 1 nor 2"),
        (LINK | {"time": "1:20"}, "time '1:20'"),
        (LINK | {"position": "-5"}, "is before the half"),
        ({"half": "1", "label": "Goal"}, "time None"),
        ("somewhere", "'somewhere' is no object"),
        (None, "None is no object"),
        ({}, "key 'half' is missing"),
    ],
)
def test_a_broken_link_is_refused_or_counted(tmp_path: Path, link: Any, problem: str) -> None:
    shots = [SHOTS[0], shot("1 - 01:40", link=link)]
    with pytest.raises(InputError, match="annotations, entry 2: link") as caught:
        read(tmp_path, shots)
    assert problem in str(caught.value)
    game = read(tmp_path, shots, strict=False)
    assert game.replays == (Replay(1, 95_250, 100_250, None, 100),)
    assert dict(game.warnings) == {"broken links": 1}


def test_a_replay_that_ends_before_it_starts(tmp_path: Path) -> None:
    shots = [SHOTS[0], shot("1 - 01:30", link="")]
    with pytest.raises(InputError, match="entry 2: a replay that ends at 90250 ms, before it starts"):
        read(tmp_path, shots)
    game = read(tmp_path, shots, strict=False)
    assert game.replays == (Replay(1, 90_250, 90_250, None, 90),)
    assert sum(game.warnings.values()) == 1


@pytest.mark.parametrize("entry", ["shot", {}, shot("3 - 01:00"), shot("1 - 01:00") | {"position": "x"}])
def test_a_broken_entry_is_refused_by_both(tmp_path: Path, entry: Any) -> None:
    for strict in (True, False):
        with pytest.raises(InputError, match="annotations, entry 2"):
            read(tmp_path, [SHOTS[0], entry], strict=strict)


def test_camera_annotations_keep_every_entry(tmp_path: Path) -> None:
    goal, foul = CLASS_INDEX["Goal"], CLASS_INDEX["Foul"]
    strict = read_camera_annotations(write(tmp_path, SHOTS), GAME, strict=True)
    assert list(zip(*vars(strict.annotations).values(), strict=True)) == [
        (95, False, False, 0, -1, 0),
        (100, True, True, 1, goal, 80),
        (110, True, False, 0, -1, 0),  # withheld
        (110, True, True, 2, foul, 10),
        (7, True, True, 1, goal, 80),
    ]
    assert strict.broken is None


def test_a_lenient_reader_stops_where_the_official_scorer_fails(tmp_path: Path) -> None:
    lenient = read_camera_annotations(write(tmp_path, SHOTS), GAME, strict=False)
    assert len(lenient.annotations.time_s) == 2
    assert lenient.broken is not None
    assert "annotations, entry 3" in str(lenient.broken)


def test_odd_links_as_the_official_scorer_takes_them(tmp_path: Path) -> None:
    links = [LINK | {"label": "Gaol"}, LINK | {"half": 7}, LINK | {"time": "00:-5"}, LINK | {"time": "soon"}]
    tree = write(tmp_path, [shot("1 - 01:40", link=link) for link in links])
    game = read_camera_annotations(tree, GAME, strict=False)
    found = game.annotations
    assert list(zip(found.link_half, found.link_label, found.link_time_s, strict=True)) == [
        (1, -1, 80),
        (7, 2, 80),
        (1, 2, -5),
        (1, 2, UNREADABLE_S),
    ]
    assert dict(game.warnings) == {"broken links": 4}
    with pytest.raises(InputError, match="entry 1: link with unknown event"):
        read_camera_annotations(tree, GAME, strict=True)


def test_the_challenge_files() -> None:
    """The counts and lengths of FACTS, section 5; those are without the one replay that begins its half."""
    if not REFERENCE.exists():
        pytest.skip(f"reference data is not there: {REFERENCE.name}")
    tree = Tree(REFERENCE)
    games = [read_replays(tree, game, strict=True) for game in official_games("challenge")]
    shots = [
        read_camera_annotations(tree, game, strict=True).annotations.replay for game in official_games("challenge")
    ]
    assert (len(games), sum(map(len, shots)), sum(map(np.count_nonzero, shots))) == (50, 6105, 3146)
    replays = [replay for game in games for replay in game.replays]
    assert len(replays) == 3146
    assert all(replay.link is None for replay in replays)
    assert sum(replay.start_ms == 0 for replay in replays) == 1
    length = np.array([replay.end_ms - replay.start_ms for replay in replays if replay.start_ms]) / 1000
    found = [length.mean(), np.median(length), *np.percentile(length, [5, 95]), length.max()]
    assert np.round(found, 2).tolist() == [7.25, 6.69, 3.76, 12.87, 95.98]
    assert sum(replay.start_s == replay.end_s for replay in replays) == 4
    follow = [
        a.end_ms == b.start_ms and a.half == b.half
        for game in games
        for a, b in zip(game.replays, game.replays[1:], strict=False)
    ]
    assert sum(follow) == 1246
    assert (min(len(game.replays) for game in games), max(len(game.replays) for game in games)) == (25, 110)
