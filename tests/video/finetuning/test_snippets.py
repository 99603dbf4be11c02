"""Which snippets are drawn, and what their manifest holds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.video.decoding.clips import Clip
from soccerbench.video.decoding.half_file import Stretch
from soccerbench.video.finetuning.annotated_games import Game, games_of_splits, look_through, pooled_games
from soccerbench.video.finetuning.clip_cache import Room, SnippetClips
from soccerbench.video.finetuning.manifest import manifest_of, read_manifest, write_manifest
from soccerbench.video.finetuning.snippets import (
    SNIPPET_CLASSES,
    Snippet,
    ambiguous_events,
    snippets_of_half,
)

REAL_LABELS = SHARED / "soccernet_v2_labels.zip"
PUBLISHED = {  # SoccerNet-v2's annotations of its 500 public games, counted
    "train": [96, 1516, 995, 1700, 1265, 3463, 3214, 4749, 19097, 11391, 7084, 6331, 1379, 2884, 1238, 34, 24],
    "valid": [36, 536, 371, 560, 417, 1182, 984, 1516, 6253, 3718, 2176, 1907, 439, 953, 378, 13, 8],
    "test": [41, 514, 337, 579, 416, 1175, 1058, 1631, 6460, 3809, 2414, 2283, 382, 999, 431, 8, 14],
}


def labels_of(events: list[tuple[int, int, int]]) -> Events:
    """Events as (half, class index, milliseconds)."""
    half, label, position = np.array(events, np.int64).reshape(-1, 3).T
    return Events(half, label, position, game="game")


def plan(labels, durations_s, splits, *, background_per_half, seed) -> list[Snippet]:
    """The snippets of some games, by split, game and half."""
    return [
        Snippet(game, half, centre_ms / 1000, label, split, Stretch(Path(game), 0, None), ambiguous)
        for split, games in splits.items()
        for game in games
        for half in (1, 2)
        if (game, half) in durations_s
        for centre_ms, label, ambiguous in snippets_of_half(
            labels[game], game, half, durations_s[game, half], background=background_per_half, seed=seed
        )
    ]


def planned(events: list[tuple[int, int, int]], **options) -> list[Snippet]:
    options = {"background_per_half": 0, "seed": 0} | options
    durations = options.pop("durations_s", {("game", 1): 100.0, ("game", 2): 100.0})
    return plan({"game": labels_of(events)}, durations, {"train": ["game"]}, **options)


def test_each_event_is_the_centre_of_one_snippet():
    events = [(1, 2, 40_250), (1, 0, 90), (2, 16, 99_999), (1, 2, 40_250)]
    assert [(s.half, s.label, s.centre_s) for s in planned(events)] == [
        (1, 1, 0.09),  # at the edge its centre stays
        (1, 3, 40.25),
        (1, 3, 40.25),  # annotated twice, there twice
        (2, 17, 99.999),
    ]


def test_what_is_after_the_end_of_the_video_or_has_none_is_left_out():
    events = [(1, 2, 59_999), (1, 2, 60_000), (2, 2, 10_000)]
    assert [s.centre_s for s in planned(events, durations_s={("game", 1): 60.0})] == [59.999]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(0, 1000), (1, 3499)], [True, True]),
        ([(0, 1000), (1, 3500)], [False, False]),  # exactly 2.5 s
        ([(0, 1000), (0, 1000), (0, 2000)], [False, False, False]),  # of one class
        ([(0, 1000), (0, 3000), (1, 5000)], [False, True, True]),
        ([], []),
    ],
)
def test_ambiguous_is_another_class_less_than_two_and_a_half_seconds_away(events, expected):
    label, position = np.array(events, np.int64).reshape(-1, 2).T
    assert ambiguous_events(position, label).tolist() == expected


def test_halves_do_not_meet():
    events = [(1, 0, 1000), (1, 1, 2000), (1, 2, 20_000), (2, 3, 2000)]
    assert [s.ambiguous for s in planned(events)] == [True, True, False, False]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 16), st.integers(0, 300_000)), max_size=30),
    st.floats(0.5, 300),
    st.integers(0, 40),
    st.integers(0, 5),
)
def test_background_never_meets_an_event_another_background_or_the_end(events, duration_s, wanted, seed):
    durations = {("game", 1): duration_s, ("game", 2): duration_s}
    snippets = planned(events, durations_s=durations, background_per_half=wanted, seed=seed)
    for half in (1, 2):
        centres = [s.centre_s for s in snippets if s.half == half and s.label == 0]
        times = [position / 1000 for of_half, _, position in events if of_half == half]
        assert len(centres) <= wanted
        assert all(2.5 <= centre <= duration_s - 2.5 for centre in centres)
        assert all(abs(centre - time) >= 5 for centre in centres for time in times)
        assert all(later - centre >= 5 for centre, later in pairwise(centres))
        assert not centres or max(centres) < max(times)
    assert snippets == sorted(snippets, key=lambda s: (s.half, s.centre_s, s.label))
    assert not any(s.ambiguous for s in snippets if s.label == 0)


def test_background_fills_what_room_there_is():
    """Between events at 0 s and 100 s: at most 19 spans of five seconds from 2.5 s on, each begun on a whole second."""
    events = [(1, 0, 0), (1, 1, 100_000)]
    durations = {("game", 1): 200.0}
    found = planned(events, durations_s=durations, background_per_half=1000)
    assert 9 <= sum(s.label == 0 for s in found) <= 19
    assert sum(s.label == 0 for s in planned(events, durations_s=durations, background_per_half=4)) == 4


def test_background_depends_on_the_seed_and_not_on_other_games():
    one, two = labels_of([(1, 0, 5000), (1, 0, 900_000)]), labels_of([(1, 3, 7000)])
    durations = {("one", 1): 1000.0, ("two", 1): 1000.0}

    def drawn(games: list[str], seed: int) -> list[float]:
        found = plan(
            {"one": one, "two": two}, durations, {"train": games}, background_per_half=5, seed=seed
        )  # fmt: skip
        return [s.centre_s for s in found if s.game == "one" and s.label == 0]

    assert drawn(["one"], 0) == drawn(["two", "one"], 0)
    assert drawn(["one"], 0) != drawn(["one"], 1)
    assert len(drawn(["one"], 0)) == 5


@pytest.mark.skipif(not REAL_LABELS.exists(), reason="the reference data are not there")
def test_the_public_games_give_the_published_counts_and_clean_background():
    tree = Tree(REAL_LABELS)
    splits = {split: list(official_games(split)) for split in PUBLISHED}
    labels = {
        game: read_spotting_labels(tree, game, strict=True) for games in splits.values() for game in games
    }  # fmt: skip
    durations = {(game, half): 3600.0 for game in labels for half in (1, 2)}
    snippets = plan(labels, durations, splits, background_per_half=10, seed=0)
    counts = Counter((snippet.split, SNIPPET_CLASSES[snippet.label]) for snippet in snippets)
    for split, expected in PUBLISHED.items():
        assert [counts[split, name] for name in CLASSES] == expected
        assert counts[split, "background"] == 20 * len(splits[split])
    assert sum(map(sum, PUBLISHED.values())) == 110_458
    quiet: dict[tuple[str, int], list[float]] = {}
    for snippet in snippets:
        if snippet.label == 0:
            quiet.setdefault((snippet.game, snippet.half), []).append(snippet.centre_s)
    assert len(quiet) == 1000
    for (game, half), centres in quiet.items():
        times = labels[game].position_ms[labels[game].half == half] / 1000
        assert np.abs(times[:, None] - np.array(centres)).min() >= 5


def write_game(folder: Path, numbered_video, *, halves=(1, 2), events=((1, "Goal", 4000), (2, "Foul", 30_000))) -> None:
    """A game of two videos of 40 s."""
    folder.mkdir(parents=True)
    annotations = [
        {"gameTime": f"{half} - 00:{ms // 1000:02d}", "label": label, "position": str(ms), "visibility": "visible"}
        for half, label, ms in events
    ]
    (folder / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))
    for half in halves:
        numbered_video(folder / f"{half}.mkv", pictures=40, fps=1, size=(32, 16), codec="mpeg4")


def write_root(root: Path, splits: dict[str, list[str]], numbered_video) -> Path:
    for games in splits.values():
        for game in games:
            if not (root / game).exists():
                write_game(root / game, numbered_video)
    (root / "splits.json").write_text(json.dumps(splits))
    return root


@pytest.fixture
def root(tmp_path, numbered_video) -> Path:
    splits = {"train": ["l/s/a", "l/s/b"], "valid": ["l/s/c"], "test": ["l/s/d"], "challenge": ["l/s/e"]}
    return write_root(tmp_path / "root", splits, numbered_video)


def made(games, **options):
    found = look_through(games)
    return found, manifest_of(found, **({"background_per_half": 2, "seed": 3} | options))


def test_a_root_becomes_a_manifest_that_reads_back(root, tmp_path):
    found, manifest = made(games_of_splits(root, ["train", "valid", "test"]))
    assert (found.left_out, found.doubts) == ([], [])
    assert Counter(s.split for s in manifest.snippets if s.label) == {"train": 4, "valid": 2, "test": 2}
    write_manifest(tmp_path / "out" / "snippets.json", manifest)
    for path in (tmp_path / "out", tmp_path / "out" / "snippets.json"):
        read = read_manifest(path)
        assert read == manifest
        assert read.snippets == manifest.snippets
    snippet = next(s for s in manifest.snippets if s.label)
    assert snippet.video == (root / "l/s/a/1.mkv", 0, 40)
    assert (snippet.game, snippet.centre_s, SNIPPET_CLASSES[snippet.label]) == ("l/s/a", 4.0, "Goal")


def test_snippets_count_from_where_video_ini_says_that_the_half_begins(root, number_of):
    (root / "l/s/a" / "video.ini").write_text("[1.mkv]\nstart_time_second = 20\nduration_second = 15\n")
    found, manifest = made(games_of_splits(root, ["train"]), background_per_half=0)
    assert found.doubts == [f"{root / 'l/s/a/1.mkv'}: video.ini: the half is seconds 20 to 35 of the file"]
    half = manifest.halves[0]
    assert (half.start_s, half.duration_s, half.snippets) == (20, 15, ((24_000, 3, False),))
    goal = manifest.snippets[0]
    clips = SnippetClips([goal], clip=Clip(12, 1), size=16, crop=False, room=Room(0))
    shown = [number_of(image) for image in clips.take([0])[0]]
    assert shown == [20, 20, *range(20, 30)]  # nothing from before the half


def test_ambiguous_events_can_be_left_out(root, numbered_video):
    events = ((1, "Goal", 4000), (1, "Foul", 5000), (1, "Corner", 20_000))
    shutil.rmtree(root / "l/s/a")
    write_game(root / "l/s/a", numbered_video, events=events)
    games, kept = games_of_splits(root, ["train"])[:1], {"background_per_half": 0}
    assert [s.ambiguous for s in made(games, **kept)[1].snippets] == [True, True, False]
    _, manifest = made(games, leave_out_ambiguous=True, **kept)
    assert [(SNIPPET_CLASSES[s.label], s.centre_s) for s in manifest.snippets] == [("Corner", 20)]


@pytest.mark.skipif(not (SHARED / "field").exists(), reason="the reference data are not there")
def test_the_goal_of_the_untrimmed_game_of_the_field():
    root = SHARED / "field" / "video_ini" / "root"
    game = Game("game", root, next(root.rglob("video.ini")).parent.relative_to(root).as_posix(), "train")
    _, manifest = made([game], background_per_half=0)
    assert [(s.half, SNIPPET_CLASSES[s.label], s.centre_s) for s in manifest.snippets] == [
        (1, "Goal", 25), (2, "Corner", 17),
    ]  # fmt: skip


def test_progress_is_reported_game_by_game(root):
    reported = []
    look_through(games_of_splits(root, ["train"]), lambda *step: reported.append(step))
    assert reported == [("games", 1, 2), ("games", 2, 2)]


def test_what_cannot_be_used_is_said_and_the_rest_is_done(root):
    (root / "l/s/a/1.mkv").write_bytes(b"")
    (root / "l/s/b/Labels-v2.json").write_text("{")
    (root / "l/s/c/2.mkv").unlink()
    (root / "l/s/d/Labels-v2.json").write_text(
        json.dumps(
            {"annotations": [{"gameTime": "1 - 00:50", "label": "Goal", "position": "50000", "visibility": "visible"}]}
        )
    )
    splits = json.loads((root / "splits.json").read_text())
    splits["test"] += ["l/s/x", "l/s/y"]
    (root / "splits.json").write_text(json.dumps(splits))
    found, manifest = made(games_of_splits(root, ["train", "valid", "test"]))
    assert sorted(found.videos) == [("l/s/a", 2), ("l/s/c", 1), ("l/s/d", 1), ("l/s/d", 2)]
    said = "\n".join(found.left_out)
    assert len(found.left_out) == 5
    for part in (
        "2 games of test are not there, such as l/s/x", "a/1.mkv: is empty", "b/Labels-v2.json: line 1",
        "l/s/c: no video of half 2", "d/1.mkv: lasts 40.0 s, but 1 events are later",
    ):  # fmt: skip
        assert part in said
    assert [(s.game, s.half) for s in manifest.snippets if s.label] == [("l/s/a", 2), ("l/s/c", 1)]


def test_a_game_in_two_splits_is_refused(root):
    (root / "splits.json").write_text(json.dumps({"train": ["l/s/a"], "challenge": ["l/s/a"]}))
    with pytest.raises(InputError, match=r"splits.json: l/s/a: listed in train and in challenge"):
        games_of_splits(root, ["train"])


def test_the_challenge_split_needs_labels_only_if_asked_for(root):
    assert len(games_of_splits(root, ["challenge"])) == 1
    (root / "l/s/e/Labels-v2.json").unlink()
    assert len(games_of_splits(root, ["train", "valid", "test"])) == 4
    with pytest.raises(InputError, match="labels of the challenge split are private"):
        games_of_splits(root, ["train", "challenge"])
    with pytest.raises(ValueError, match="unknown split 'trian'"):
        games_of_splits(root, ["trian"])


def test_mega_pools_train_valid_test_and_other_games(root, tmp_path, numbered_video):
    plain, own, single = tmp_path / "plain", tmp_path / "own", tmp_path / "single"
    write_game(plain / "es/2019/one", numbered_video)
    write_root(own, {"train": ["l/t/f"], "test": ["l/t/g"], "challenge": ["l/t/h"]}, numbered_video)
    write_game(single, numbered_video)
    found, manifest = made(pooled_games(root, [plain, own, single]), mega=True)
    assert found.left_out == []
    assert {s.split for s in manifest.snippets} == {"train"}
    games = {s.game for s in manifest.snippets}
    assert games == {"l/s/a", "l/s/b", "l/s/c", "l/s/d", "es/2019/one", "l/t/f", "l/t/g", "single"}
    assert manifest.mega
    assert next(s for s in manifest.snippets if s.game == "single").video.path == single / "1.mkv"


@pytest.mark.parametrize("game", ["l/s/e", official_games("challenge")[0], "challenge/a/b/c"])
@pytest.mark.parametrize("space", [" ", "_"])  # as the two public layouts write names
def test_mega_refuses_the_challenge_set_by_name(root, tmp_path, numbered_video, game, space):
    write_game(tmp_path / "extra" / game.replace(" ", space), numbered_video)
    with pytest.raises(InputError, match="is a game of the challenge set; never train on it"):
        pooled_games(root, [tmp_path / "extra"])


def test_mega_refuses_a_game_twice_and_an_empty_folder(root, tmp_path, numbered_video):
    write_game(tmp_path / "extra" / "l/s/c", numbered_video)
    with pytest.raises(InputError, match="is among the games already"):
        pooled_games(root, [tmp_path / "extra"])
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"holds no game with Labels-v2.json"):
        pooled_games(root, [tmp_path / "none"])
    with pytest.raises(InputError, match="no such folder"):
        pooled_games(root, [tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("halves", 0, "video"), "../../etc/passwd", "is not below its root"),
        (("halves", 0, "video"), "/etc/passwd", "is not below its root"),
        (("halves", 0, "video"), "a\\..\\..\\b", "is not below its root"),
        (("halves", 0, "video"), "", "is not below its root"),
        (("halves", 0, "root"), 1, "root 1 of 1"),
        (("halves", 0, "root"), -1, "greater than or equal to 0"),
        (("halves", 0, "half"), 3, "less than or equal to 2"),
        (("halves", 0, "split"), "tset", "unknown split 'tset'"),
        (("halves", 0, "split"), "test", "in test and in train"),
        (("halves", 0, "duration_s"), -1.0, "greater than 0"),
        (("halves", 0, "snippets", 0, 1), 18, "labels are 0 to 17"),
        (("halves", 0, "snippets", 0, 0), 10**9, "a snippet at 1000000000 ms of a video of 40 s"),
        (("halves", 0, "snippets", 0, 0), 1e400, "no JSON"),
        (("halves", 0, "snippets"), [], "not as many as it says"),
        (("halves", 1, "half"), 1, "a half is listed twice"),
        (("classes", 0), "Nothing", "other classes"),
        (("snippet_s",), 4.0, "4 s"),
        (("seed",), "x", "valid integer"),
        (("roots",), [], "at least 1 item"),
        (("surprise",), 1, "surprise: unknown key"),
        (("counts",), None, "valid dictionary"),
        ((), [], "valid dictionary"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(root, tmp_path, place, value, said):
    _, manifest = made(games_of_splits(root, ["train"]))
    path = tmp_path / "snippets.json"
    write_manifest(path, manifest)
    document = json.loads(path.read_text())
    if place:
        inside = document
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = value
    else:
        document = value
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as raised:
        read_manifest(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"snippets.json: no such file; make it with"):
        read_manifest(tmp_path)
