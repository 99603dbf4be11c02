"""Verification: whatever is wrong with a root is found and named, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.features.dataset import Dataset
from soccerbench.features.half_statistics import place_of_block
from soccerbench.features.label_checks import game_in
from soccerbench.features.pack import pack
from soccerbench.features.verify import verify

BAIDU = "baidu_soccer_embeddings.npy"


def found(root: Path) -> list[tuple[str, str, int | None, str]]:
    return [(problem.check, problem.split, problem.half, problem.file) for problem in verify(root).problems]


def test_a_sound_root(four_games: Path) -> None:
    report = verify(four_games)
    assert (report.problems, report.notes) == ([], [])
    assert sum(file.halves for file in report.files) == sum(file.checksums for file in report.files) == 4 * 2 * 10
    assert sum(file.nbytes for file in report.files) < sum(file.stat().st_size for file in four_games.rglob("*.npy"))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_sound_pack(four_games: Path, tmp_path: Path, dtype: str) -> None:
    pack(four_games, tmp_path / "packed", dtype=dtype)
    report = verify(tmp_path / "packed")
    assert (report.problems, report.notes) == ([], [])
    assert all(file.checksums == file.halves and file.dtypes == {dtype} for file in report.files)


def change(file: Path, edit: Callable[[np.ndarray], np.ndarray | None]) -> None:
    values = np.load(file)
    edited = edit(values)
    np.save(file, values if edited is None else edited)


def put(rows: slice | int, columns: slice | int, value: float) -> Callable[[np.ndarray], None]:
    def edit(values: np.ndarray) -> None:
        values[rows, columns] = value

    return edit


def first_row_everywhere(values: np.ndarray) -> None:
    values[:, :6] = values[0, :6]


@pytest.mark.parametrize(
    ("check", "edit", "said"),
    [
        ("finite", put(17, 3, np.nan), "1 row with .* first row 17"),
        ("finite", put(149, 27, -np.inf), "1 row with .* first row 149"),
        ("finite", put(slice(20, 30), slice(None), np.inf), "10 rows .* first row 20"),
        ("zero", put(slice(140, 150), slice(None), 0), "10 rows of zeros only, first row 140"),
        ("constant", put(slice(None), slice(12, 16), 0.5), "^vtn: the same"),
        ("constant", first_row_everywhere, "^tpn-r101: the same"),
        ("shape", lambda values: values[:, :-1], r"shape \(150, 27\)"),
        ("shape", lambda values: values.astype(int), "not a 2-d array of floats"),
        ("shape", lambda values: values[:0], "shape|not a readable"),
        ("length", lambda values: values[:100], "100 s, but .* has 150 s"),
    ],
)
def test_values_that_are_wrong(tiny_root: Path, check: str, edit, said: str) -> None:
    file = tiny_root / Dataset(tiny_root).games["valid"][0] / f"2_{BAIDU}"
    change(file, edit)
    problems = [problem for problem in verify(tiny_root).problems if problem.check != "order"]
    assert [(problem.check, problem.split, problem.half, problem.file) for problem in problems] == [
        (check, "valid", 2, BAIDU)
    ]

    assert re.search(said, problems[0].problem)


def test_a_block_whose_rows_have_the_same_extremes_is_not_constant(tiny_root: Path) -> None:
    def edit(values: np.ndarray) -> None:
        values[:, 12:16] = 0.5
        values[:, 12] = np.arange(len(values)) % 2
        values[:, 13] = 1 - values[:, 12]

    change(tiny_root / Dataset(tiny_root).games["valid"][0] / f"2_{BAIDU}", edit)
    assert "constant" not in {check for check, *_ in found(tiny_root)}


def test_a_half_in_the_place_of_another(tiny_root: Path) -> None:
    games = Dataset(tiny_root).games
    source, wrong = (tiny_root / game for game in games["train"])
    (wrong / f"1_{BAIDU}").write_bytes((source / f"2_{BAIDU}").read_bytes())
    problems = verify(tiny_root).problems
    assert [(problem.check, problem.game, problem.half) for problem in problems] == [("copy", games["train"][1], 1)]
    assert problems[0].problem == f"the same values as half 2 of train, {games['train'][0]}"


def test_a_rate_that_is_wrong(tiny_root: Path) -> None:
    about = json.loads((tiny_root / "features.json").read_text())
    about["blocks"]["tpn-r50"]["fps"] = 1
    for file in tiny_root.rglob("?_tpn_r50.npy"):
        change(file, lambda values: np.repeat(values, 2, axis=0) + np.random.default_rng(0).random((300, 6)) / 8)
    problems = [problem for problem in verify(tiny_root).problems if problem.check == "rate"]
    assert [(problem.split, problem.file) for problem in problems] == [
        (split, "tpn_r50.npy") for split in ("challenge", "test", "train", "valid")
    ]
    assert re.search(r"halves are 2\.\d times as long as their labels; are its rows 1 s apart", problems[0].problem)


def test_events_too_few_to_tell_a_length_from(tiny_root: Path) -> None:
    for file in tiny_root.rglob("Labels-v2.json"):
        labels = json.loads(file.read_text())
        early = [entry for entry in labels["annotations"] if int(entry["position"]) < 60_000]
        file.write_text(json.dumps(labels | {"annotations": early}))
    assert found(tiny_root) == []


def test_halves_of_zeros_are_no_copies(tiny_root: Path) -> None:
    for half in (1, 2):
        change(tiny_root / Dataset(tiny_root).games["train"][0] / f"{half}_{BAIDU}", put(slice(None), slice(None), 0))
    assert "copy" not in {check for check, *_ in found(tiny_root)}


def test_types_that_differ(tiny_root: Path) -> None:
    change(tiny_root / Dataset(tiny_root).games["train"][0] / "1_tpn_r50.npy", lambda values: values.astype(np.float64))
    assert found(tiny_root) == [("dtype", "train", None, "tpn_r50.npy")]


def test_a_missing_half(tiny_root: Path) -> None:
    (tiny_root / Dataset(tiny_root).games["train"][1] / f"1_{BAIDU}").unlink()
    assert found(tiny_root) == [("missing", "train", 1, BAIDU)]


def test_labels_that_one_game_lacks(tiny_root: Path) -> None:
    (tiny_root / Dataset(tiny_root).games["train"][1] / "Labels-v2.json").unlink()
    assert found(tiny_root) == [("missing", "train", None, "Labels-v2.json")]


def test_a_file_that_one_split_lacks_is_a_note(tiny_root: Path) -> None:
    for half in (1, 2):
        (tiny_root / Dataset(tiny_root).games["test"][0] / f"{half}_{BAIDU}").unlink()
    report = verify(tiny_root)
    assert report.ok
    assert report.notes[0] == f"test: no game has {BAIDU}, which train and valid and challenge have"


def test_a_root_without_features(tiny_root: Path) -> None:
    for file in tiny_root.rglob("*.npy"):
        file.unlink()
    done = CliRunner().invoke(app, ["data", "verify", str(tiny_root)])
    assert done.exit_code == 1
    assert "missing: no feature files in this root" in done.stdout


def test_a_missing_game_and_a_missing_split(tiny_root: Path) -> None:
    games = Dataset(tiny_root).games
    (tiny_root / games["train"][0]).rename(tiny_root / "elsewhere")
    (tiny_root / games["challenge"][0]).rename(tiny_root / "elsewhere, too")
    report = verify(tiny_root)
    assert [(problem.check, problem.game) for problem in report.problems] == [("missing", games["train"][0])]
    assert "challenge: not here (1 game)" in report.notes


def test_a_truncated_file(tiny_root: Path) -> None:
    file = tiny_root / Dataset(tiny_root).games["test"][0] / f"1_{BAIDU}"
    file.write_bytes(file.read_bytes()[:-100])
    assert found(tiny_root) == [("shape", "test", 1, BAIDU)]


def test_labels_of_another_game(tiny_root: Path) -> None:
    file = tiny_root / Dataset(tiny_root).games["test"][0] / "Labels-v2.json"
    labels = json.loads(file.read_text())
    labels["annotations"][-1] |= {"gameTime": "2 - 06:00", "position": "360000"}
    file.write_text(json.dumps(labels))
    problems = verify(tiny_root).problems
    assert {(problem.check, problem.split, problem.half) for problem in problems} == {("labels", "test", 2)}
    assert problems[0].problem == "ends at 150 s, but Labels-v2.json has an event at 360 s"


def test_labels_that_cannot_be_read(tiny_root: Path) -> None:
    (tiny_root / Dataset(tiny_root).games["test"][0] / "Labels-v2.json").write_text("{")
    assert found(tiny_root) == [("labels", "test", None, "Labels-v2.json")]


@pytest.mark.parametrize(
    ("file", "label"), [("Labels.json", "soccer-ball"), ("Labels-ball.json", "PASS"), ("Labels-v2.json", "Own class")]
)
def test_labels_of_other_versions_and_classes(tiny_root: Path, file: str, label: str) -> None:
    games = [game for members in Dataset(tiny_root).games.values() for game in members]
    entry = {"gameTime": "2 - 00:06", "label": label, "position": "6000", "visibility": "visible"}
    if label == "Own class":
        (tiny_root / "classes.json").write_text(json.dumps([label, "Another"]))
    for game in games:
        (tiny_root / game / "Labels-v2.json").unlink(missing_ok=True)
        (tiny_root / game / file).write_text(json.dumps({"UrlLocal": game, "annotations": [entry]}))
    assert verify(tiny_root).ok
    late, missing, odd = *Dataset(tiny_root).games["train"][:2], Dataset(tiny_root).games["test"][0]
    (tiny_root / missing / file).unlink()
    for game, change in ((late, {"gameTime": "2 - 06:00", "position": "360000"}), (odd, {"label": "Dive"})):
        (tiny_root / game / file).write_text(json.dumps({"annotations": [entry | change]}))
    problems = {(one.check, one.game): one.problem for one in verify(tiny_root).problems}
    assert problems.pop(("labels", late)) == f"ends at 150 s, but {file} has an event at 360 s"
    assert "unknown event 'Dive'" in problems.pop(("labels", odd))
    assert problems == {("missing", missing): "the file is missing"}


def copied(four_games: Path, tmp_path: Path) -> Path:
    pack(four_games, tmp_path / "packed")
    return tmp_path / "packed"


def test_a_flipped_bit_is_found_in_its_half(four_games: Path, tmp_path: Path) -> None:
    root = copied(four_games, tmp_path)
    file = root / f"train-{BAIDU}"
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    file.write_bytes(data)
    report = verify(root)
    assert [(problem.check, problem.game, problem.half, problem.file) for problem in report.problems] == [
        ("checksum", Dataset(root).games["train"][-1], 2, BAIDU)
    ]


def test_a_changed_file_of_a_simulated_root(four_games: Path, tmp_path: Path) -> None:
    shutil.copytree(four_games, tmp_path / "mini")
    game = Dataset(tmp_path / "mini").games["train"][0]
    change(tmp_path / "mini" / game / "1_ResNET_TF2.npy", put(5, 5, 0.25))
    (tmp_path / "mini" / game / "Labels-cameras.json").write_text("{}")
    assert found(tmp_path / "mini") == [
        ("checksum", "", None, f"{game}/Labels-cameras.json"),
        ("checksum", "train", 1, "ResNET_TF2.npy"),
    ]


def test_blocks_in_another_order(four_games: Path, tmp_path: Path) -> None:
    shutil.copytree(four_games, tmp_path / "mini")
    (tmp_path / "mini" / "mini.json").unlink()
    game = Dataset(tmp_path / "mini").games["train"][0]
    change(tmp_path / "mini" / game / f"1_{BAIDU}", lambda values: np.roll(values, 24, axis=1))
    report = verify(tmp_path / "mini")
    assert [(problem.check, problem.problem) for problem in report.problems] == [
        ("order", "vtn seems to be block 4, not 3")
    ]


@pytest.mark.parametrize("place", range(5))
def test_the_place_of_the_narrow_block(place: int) -> None:
    widths = [2048, 2048, 2048, 2048]
    widths.insert(place, 384)
    start = sum(widths[:place])
    negative = np.zeros(8576, bool)
    negative[start : start + 384] = np.random.default_rng(0).random(384) < 0.9
    assert place_of_block(negative, [2048, 2048, 384, 2048, 2048], 2) == place
    assert place_of_block(np.zeros(8576, bool), [2048, 2048, 384, 2048, 2048], 2) is None
    assert place_of_block(np.ones(8576, bool), [2048, 2048, 384, 2048, 2048], 2) is None


def test_an_order_that_cannot_be_known_is_a_note(four_games: Path, tmp_path: Path) -> None:
    shutil.copytree(four_games, tmp_path / "mini")
    (tmp_path / "mini" / "mini.json").unlink()
    change(tmp_path / "mini" / Dataset(tmp_path / "mini").games["test"][0] / f"1_{BAIDU}", lambda values: abs(values))
    report = verify(tmp_path / "mini")
    assert report.ok
    assert report.notes == ["the order of the blocks cannot be seen from the values of 1 half"]


def test_the_verb(four_games: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["data", "verify", str(four_games)])
    assert done.exit_code == 0
    assert "verified" in done.stdout
    done = CliRunner().invoke(app, ["data", "verify", str(four_games), "--json"])
    assert json.loads(done.stdout)["ok"] is True
    root = copied(four_games, tmp_path)
    (root / f"test-{BAIDU}").write_bytes(b"")
    done = CliRunner().invoke(app, ["data", "verify", str(root)])
    assert done.exit_code == 1
    assert "2 problems" in done.stdout
    done = CliRunner().invoke(app, ["data", "verify", str(root), "--json"])
    assert (done.exit_code, len(json.loads(done.stdout)["problems"])) == (1, 2)


@pytest.mark.parametrize("file", ["Labels-v2.json", "Labels-cameras.json"])
def test_labels_of_another_game_are_found(four_games: Path, tmp_path: Path, file: str) -> None:
    root = tmp_path / "root"
    shutil.copytree(four_games, root)
    (root / "mini.json").unlink()
    games = Dataset(root).games
    wrong, other = root / games["train"][0] / file, root / games["test"][0] / file
    wrong.write_bytes(other.read_bytes())
    problems = [one for one in verify(root).problems if "another game" in one.problem]
    assert [(one.check, one.split, one.game, one.file) for one in problems] == [
        ("labels", "train", games["train"][0], file)
    ]
    assert games["test"][0] in problems[0].problem


GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"


@pytest.mark.parametrize(
    "url",
    [
        f"{GAME}/",
        GAME.replace(" ", "_"),
        f"/data/SoccerNet/{GAME}/1_224p.mkv",
        GAME.replace("/", "\\\\"),
        GAME.rpartition("/")[2],
    ],
)
def test_a_game_is_recognised_in_any_path_to_it(url: str) -> None:
    assert game_in(url) == game_in(GAME) == "2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"


@pytest.mark.parametrize("url", ["", "video.mkv", "league/season/game"])
def test_a_path_without_a_game_says_nothing(url: str) -> None:
    assert game_in(url) is None


def test_single_files_and_the_joined_file_are_both_verified(four_games: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(four_games, root)
    (root / "mini.json").unlink()
    game = Dataset(root).games["train"][0]
    joined = np.load(root / game / f"1_{BAIDU}")
    np.save(root / game / "1_tpn_r101.npy", joined[:, :24])
    assert verify(root).problems == []
    np.save(root / game / "1_tpn_r101.npy", joined[:, :5])
    assert found(root) == [("shape", "train", 1, "tpn_r101.npy")]
