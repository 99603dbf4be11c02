"""What is on disk: the layout, the same bytes for a seed, and never half a dataset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from interruption import assert_waits_for_the_writer

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.processes import Writer
from soccerbench.simulation.matches import write
from soccerbench.simulation.matches.feature_blocks import FILES, RELEASED_FILES
from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.season import HELD_OUT, Game, fixtures, played_games
from soccerbench.simulation.matches.write import cached_mini, write_mini
from soccerbench.simulation.root import split_sizes
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.replays import read_replays

CACHED_GAMES = 5


def contents(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): crc32(path.read_bytes()) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A separate cache folder, for a dataset small enough to be made several times."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(write, "DEFAULT_GAMES", CACHED_GAMES)
    monkeypatch.setattr(write, "FILES", {"tpn_r50.npy": FILES["tpn_r50.npy"]})
    return tmp_path / "soccerbench"


@pytest.mark.parametrize(
    ("games", "sizes"),
    [(4, (1, 1, 1, 1)), (5, (2, 1, 1, 1)), (17, (6, 2, 5, 4)), (34, (12, 4, 10, 8)), (100, (37, 11, 29, 23))],
)
def test_split_sizes(games, sizes):
    assert tuple(split_sizes(games, HELD_OUT, of=34).values()) == sizes


def test_default_dataset_has_five_games_with_each_class_where_a_split_is_scored():
    games = played_games(seed=write.DEFAULT_SEED, games=write.DEFAULT_GAMES)
    assert len({game.path for game in games}) == write.DEFAULT_GAMES
    for split, least in {"train": 5, "valid": 1, "test": 5, "challenge": 5}.items():
        labels = [{event.label for event in game.match.events} for game in games if game.split == split]
        assert all(sum(label in found for found in labels) >= least for label in CLASSES)


def test_no_team_plays_itself_or_twice_on_a_day():
    season = fixtures(56)
    for matchday in range(14):
        teams = [team for game in season[4 * matchday : 4 * matchday + 4] for team in (game.home, game.away)]
        assert len(set(teams)) == 8


def test_layout_is_the_official_one_and_every_reader_reads_it(four_games):
    root = Dataset(four_games)
    assert (root.is_simulated, root.is_mini) == (True, True)
    for split, games in root.games.items():
        (game,) = games
        labels = root.labels(split)[game]
        assert {CLASSES[label] for label in labels.label} == set(CLASSES)
        names = {path.name for path in (four_games / game).iterdir()}
        halves = {f"{half}_{file}" for half in (1, 2) for file in FILES}
        others = {"Labels-v2.json", "Labels-cameras.json"} | (
            {"Labels-replays.json"} if split == "challenge" else set()
        )
        assert names == halves | others
        replays = read_replays(Tree(four_games), game, strict=True).replays
        assert len(replays) > 20
        assert sum(replay.link is not None for replay in replays) > 0.8 * len(replays)
    public = read_replays(Tree(four_games), game, strict=True, file="Labels-replays.json").replays
    assert [(replay.half, replay.start_ms, replay.end_ms) for replay in public] == [
        (replay.half, replay.start_ms, replay.end_ms) for replay in replays
    ]
    assert all(replay.link is None for replay in public)


@pytest.mark.parametrize("file", FILES)
def test_rows_stand_for_seconds_and_columns_for_blocks(four_games, file):
    about = json.loads((four_games / "features.json").read_bytes())
    blocks = [entry for entry in about["blocks"].values() if entry["file"] == file]
    for game in Dataset(four_games).games["train"]:
        values = np.load(four_games / game / f"1_{file}", allow_pickle=False)
        seconds = len(np.load(four_games / game / "1_tpn_r50.npy", allow_pickle=False))
        assert values.dtype == np.float32
        assert values.shape == (seconds * blocks[0]["fps"], sum(block["width"] for block in blocks))
        assert seconds >= 2700


def test_blocks_are_in_their_file_in_the_order_in_which_the_store_reads_them(four_games):
    root = Dataset(four_games)
    (game,) = root.games["test"]
    rows = np.arange(50)
    for file, blocks in FILES.items():
        stored = [root.store([block.name]).take(game, 2, rows) for block in blocks]
        assert np.array_equal(np.load(four_games / game / f"2_{file}")[:50], np.concatenate(stored, axis=1))


def test_goals_of_the_label_file_make_the_score(four_games):
    for path in four_games.rglob("Labels-v2.json"):
        document = json.loads(path.read_bytes())
        goals = {(a["gameTime"], a["position"], a["team"]) for a in document["annotations"] if a["label"] == "Goal"}
        home = sum(team == "home" for *_, team in goals)
        assert document["gameScore"] == f"{home} - {len(goals) - home}"
        assert f" {home} - {len(goals) - home} " in path.parent.name


def test_same_seed_same_bytes_whatever_the_threads(four_games, tmp_path):
    """Made again in a process with another number of threads and another order of hashes."""
    script = (
        "import pathlib, sys; from soccerbench.simulation.matches.write import write_mini\n"
        "write_mini(pathlib.Path(sys.argv[1]), games=4)"
    )
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, tmp_path / "again"], check=True, env=os.environ | threads)
    assert contents(tmp_path / "again") == contents(four_games)


def test_another_seed_is_another_season():
    first, second = (played_games(seed=seed, games=5) for seed in (0, 1))
    assert all(one.match.events != other.match.events for one, other in zip(first, second, strict=True))


def test_release_scale_writes_the_released_files_at_their_widths(tmp_path, monkeypatch):
    match = Match((40, 1030), (Event(1, 20_000, "Foul", "home"), Event(2, 500_000, "Goal", "away")))
    game = Game(0, "mini_league/2020-2021/short", "train", match, [], {})
    monkeypatch.setattr(write, "played_games", lambda seed, games: [game])
    write_mini(tmp_path / "out", games=4, scale="release")
    root = Dataset(tmp_path / "out")
    assert (root.is_simulated, root.is_mini) == (True, False)
    assert {path.name for path in (root.path / game.path).glob("1_*.npy")} == {f"1_{file}" for file in RELEASED_FILES}
    for blocks, width, fps in [
        (["tpn-r101", "gta", "vtn", "ircsn", "i3d-slow"], 8576, 1),
        (["resnet"], 2048, 2),
        (["resnet-pca512"], 512, 2),
    ]:
        store = root.store(blocks)
        assert (store.width, store.fps) == (width, fps)
        assert [store.length(game.path, half) for half in (1, 2)] == [40 * fps, 1030 * fps]


def test_complete_dataset_is_left_as_it_is(four_games):
    before = {path: path.stat().st_mtime_ns for path in four_games.rglob("*")}
    write_mini(four_games, games=4)
    assert {path: path.stat().st_mtime_ns for path in four_games.rglob("*")} == before


def test_folder_with_other_content_is_refused_and_left_as_it_is(tmp_path, four_games):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not this dataset"):
        write_mini(tmp_path, games=4)
    with pytest.raises(InputError, match="exists and is not this dataset"):
        write_mini(four_games, games=4, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [({"games": 3}, "3 games"), ({"seed": -1}, "seed -1"), ({"scale": "huge"}, "scale 'huge'")],
)
def test_wrong_arguments_are_named(tmp_path, wrong, problem):
    with pytest.raises(ValueError, match=problem):
        write_mini(tmp_path / "out", **wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.usefixtures("cache")
def test_interrupted_writing_leaves_nothing_behind(tmp_path, error):
    def stop(stage: str, done: int, games: int) -> None:
        if done == 2:
            raise error

    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt, match=r"space|^$"):
        write_mini(tmp_path / "out", games=4, progress=stop)
    assert not list(tmp_path.iterdir())


def test_cached_dataset_is_made_once(cache):
    made = []
    first = cached_mini(progress=lambda stage, done, games: made.append(done))
    assert (made, first.parent) == ([*range(1, CACHED_GAMES + 1)], cache)
    assert cached_mini(progress=lambda stage, done, games: made.append(done)) == first
    assert len(made) == CACHED_GAMES


def test_damaged_cache_is_made_again(cache):
    folder = cached_mini()
    whole, victim = contents(folder), next(folder.rglob("*.npy"))
    data = victim.read_bytes()
    damage = {
        "truncated": lambda: victim.write_bytes(data[:-4]),
        "changed": lambda: victim.write_bytes(data[:-1] + b"\x00"),
        "missing": victim.unlink,
        "no manifest": (folder / "mini.json").unlink,
        "a file": lambda: (folder.rename(folder.with_name("elsewhere")), folder.write_text("in the way")),
    }
    for kind, make in damage.items():
        make()
        assert contents(cached_mini()) == whole, kind
        assert not list(cache.glob(".*")), kind


def test_two_at_once_make_it_once(cache):
    made, found = [], []

    def make() -> None:
        found.append(cached_mini(progress=lambda stage, done, games: made.append(done)))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 2
    assert made == [*range(1, CACHED_GAMES + 1)]
    assert [path.name for path in cache.iterdir()] == [found[0].name]
    assert write.is_complete(found[0], write._recipe(0, CACHED_GAMES, "mini"))


def test_it_waits_for_a_process_that_writes_the_same(tmp_path, cache, caplog):
    assert_waits_for_the_writer(lambda: write_mini(tmp_path / "out", games=4), caplog, tmp_path / "out")
    caplog.clear()
    out = cached_mini()
    (out / "mini.json").unlink()
    assert_waits_for_the_writer(cached_mini, caplog, out)


@pytest.mark.usefixtures("cache")
def test_what_a_killed_process_left_is_removed(tmp_path):
    dead = Writer.this()._replace(started=1)
    (tmp_path / f".out.{dead}.part" / "league").mkdir(parents=True)
    write_mini(tmp_path / "out", games=4)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_cache_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written") as caught:
        cached_mini()
    assert "\n" not in str(caught.value)
