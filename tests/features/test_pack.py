"""Packing: the same features from a packed root as from the plain one, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from interruption import assert_waits_for_the_writer

from soccerbench.errors import InputError
from soccerbench.experiments.fingerprint import data_fingerprint
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.features.packed import INDEX, JOURNAL
from soccerbench.features.store import FeatureStore
from soccerbench.processes import Writer

FIVE = ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
TRAIN = "train-baidu_soccer_embeddings.npy"


def all_rows(root: Path, blocks: tuple[str, ...]) -> dict[tuple[str, int], np.ndarray]:
    store = FeatureStore(root, blocks)
    return {
        (game, half): store.take(game, half, np.arange(store.length(game, half)))
        for games in Dataset(root).games.values()
        for game in games
        for half in (1, 2)
    }


@pytest.mark.parametrize("blocks", [FIVE, ("vtn",), ("gta", "tpn-r50"), ("resnet",), ("vtn", "mega-gta", "tpn-r101")])
def test_float32_is_the_same_bits(shared_tiny_root: Path, tmp_path: Path, blocks: tuple[str, ...]) -> None:
    packed = pack(shared_tiny_root, tmp_path / "packed", dtype="float32")
    assert packed.index.largest_relative_error == packed.index.largest_absolute_error == 0
    plain = all_rows(shared_tiny_root, blocks)
    for key, values in all_rows(tmp_path / "packed", blocks).items():
        np.testing.assert_array_equal(values, plain[key])


def test_float16_is_the_nearest_half(shared_tiny_root: Path, tmp_path: Path) -> None:
    packed = pack(shared_tiny_root, tmp_path / "packed")
    plain, error = all_rows(shared_tiny_root, FIVE), 0.0
    for key, values in all_rows(tmp_path / "packed", FIVE).items():
        np.testing.assert_array_equal(values, plain[key].astype(np.float16).astype(np.float32))
        error = max(error, float(np.abs(values - plain[key]).max()))
    assert 0 < error <= packed.index.largest_absolute_error
    assert 2**-12 < packed.index.largest_relative_error <= 2**-11


def test_a_packed_root_is_complete_on_its_own(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "tiny", dtype="float32")
    plain, packed = Dataset(shared_tiny_root), Dataset(tmp_path / "tiny")
    assert (packed.games, packed.is_simulated, packed.is_mini) == (plain.games, True, True)
    assert packed.labels("test").keys() == plain.labels("test").keys()
    fingerprints = {
        data_fingerprint(root.tree, root.store(FIVE), root.games, ("Labels-v2.json",)) for root in (plain, packed)
    }
    assert len(fingerprints) == 1


def test_the_packed_files_are_ordinary_arrays(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "packed", dtype="float32")
    values = np.load(tmp_path / "packed" / TRAIN, mmap_mode="r")
    plain = list(all_rows(shared_tiny_root, FIVE).values())
    np.testing.assert_array_equal(values, np.concatenate(plain[:4]))  # two games of two halves


def test_some_blocks(shared_tiny_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    index = pack(shared_tiny_root, out, dtype="float32", blocks=["ircsn", "vtn", "tpn-r50"]).index
    assert [(name, block.width) for name, block in index.blocks.items()] == [("vtn", 4), ("ircsn", 6), ("tpn-r50", 6)]
    plain = all_rows(shared_tiny_root, ("ircsn", "vtn", "tpn-r50"))
    for key, values in all_rows(out, ("ircsn", "vtn", "tpn-r50")).items():
        np.testing.assert_array_equal(values, plain[key])
    with pytest.raises(InputError, match="block 'gta' is not packed"):
        FeatureStore(out, ("gta",))
    assert FeatureStore(out, ("mega-gta",)).absent_files(Dataset(out).games["train"]) == ("mega_gta.npy",)
    with pytest.raises(InputError, match=r"half 1 of ResNET_TF2\.npy is not in this pack"):
        FeatureStore(out, ("resnet",)).check(Dataset(out).games["train"])


def test_a_pack_can_be_packed_again(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "one", dtype="float32", blocks=["vtn", "gta"])
    pack(tmp_path / "one", tmp_path / "two", dtype="float32", blocks=["vtn"])
    one, two = (all_rows(tmp_path / name, ("vtn",)) for name in ("one", "two"))
    assert all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,)])
def test_rows_in_any_order_and_shape(shared_tiny_root: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    pack(shared_tiny_root, tmp_path / "packed", dtype="float32")
    game, rows = Dataset(shared_tiny_root).games["test"][0], np.random.default_rng(3).integers(0, 150, shape)
    plain, packed = (FeatureStore(root, FIVE).take(game, 2, rows) for root in (shared_tiny_root, tmp_path / "packed"))
    np.testing.assert_array_equal(plain, packed)


def test_the_second_call_has_nothing_to_do(shared_tiny_root: Path, tmp_path: Path) -> None:
    first = pack(shared_tiny_root, tmp_path / "packed")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "packed").iterdir()}
    again = pack(shared_tiny_root, tmp_path / "packed")
    assert (first.resumed, again.resumed) == (0, again.halves)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "packed").iterdir()} == before


def fail_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """From the `count`-th write on, the disk is full."""
    calls, write = Counter[str](), os.pwrite

    def full(*arguments: object) -> int:
        calls["writes"] += 1
        if calls["writes"] > count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(*arguments)

    monkeypatch.setattr(os, "pwrite", full)
    return calls


def test_a_full_disk_is_named_and_the_pack_resumes(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "packed"
    with monkeypatch.context() as patched:
        fail_after(20, patched)
        with pytest.raises(InputError, match=r"No space left.*run the same command again"):
            pack(shared_tiny_root, out, dtype="float32", workers=1)
    with pytest.raises(InputError, match="unfinished"):
        FeatureStore(out, FIVE)
    calls = fail_after(10**6, monkeypatch)
    packed = pack(shared_tiny_root, out, dtype="float32")
    assert packed.resumed == 20
    assert calls["writes"] == packed.halves - 20
    plain = all_rows(shared_tiny_root, FIVE)
    assert all(np.array_equal(values, plain[key]) for key, values in all_rows(out, FIVE).items())
    assert not (out / JOURNAL).exists()


def test_a_disk_too_small_is_said_before_anything_is_written(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(InputError, match=r"needs 0\.0 GB more, and the disk has 0\.0 GB free"):
        pack(shared_tiny_root, tmp_path / "packed")


def test_what_a_crash_left_wrong_is_written_again(shared_tiny_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    packed = pack(shared_tiny_root, out, dtype="float32", workers=1)
    index = json.loads((out / INDEX).read_text())
    plan = {"dtype": index["dtype"], "blocks": index["blocks"]}
    rows, lines = [], []
    for split, files in index["files"].items():
        for file, content in files.items():
            for half in content["halves"]:
                rows.append([split, file, half["game"], half["half"], half["rows"]])
                lines.append([split, file, half["game"], half["half"], half["crc32"], 0, 0])
    header = plan | {"rows": rows, "source": index["source"]}
    journal = [header, *lines]
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in journal) + '\n["train","baidu'
    (out / JOURNAL).write_text(text)
    (out / INDEX).unlink()
    with (out / TRAIN).open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\0" * 64)
    again = pack(shared_tiny_root, out, dtype="float32")
    assert again.resumed == packed.halves - 1
    plain = all_rows(shared_tiny_root, FIVE)
    assert all(np.array_equal(values, plain[key]) for key, values in all_rows(out, FIVE).items())


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(("damage", "halves"), [(truncate, 1), (flip, 1), (Path.unlink, 4)])
@pytest.mark.parametrize("stopped", [False, True])
def test_a_damaged_pack_is_repaired(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage, halves: int, stopped: bool
) -> None:
    first = pack(shared_tiny_root, tmp_path / "packed")
    whole = {path.name: path.read_bytes() for path in (tmp_path / "packed").iterdir() if path.is_file()}
    damage(tmp_path / "packed" / TRAIN)
    if stopped:
        with monkeypatch.context() as patched:
            fail_after(0, patched)
            with pytest.raises(InputError, match="No space left"):
                pack(shared_tiny_root, tmp_path / "packed")
        with pytest.raises(InputError, match="unfinished"):
            FeatureStore(tmp_path / "packed", FIVE)
    again = pack(shared_tiny_root, tmp_path / "packed")
    assert (again.resumed, again.index) == (first.halves - halves, first.index)
    assert {path.name: path.read_bytes() for path in (tmp_path / "packed").iterdir() if path.is_file()} == whole


def test_damage_is_not_packed_along(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "one")
    flip(tmp_path / "one" / TRAIN)
    with pytest.raises(InputError, match=r"one/train-.*half 2: CRC-32 .*, written with .*data verify"):
        pack(tmp_path / "one", tmp_path / "two")
    with pytest.raises(InputError, match="unfinished"):
        FeatureStore(tmp_path / "two", FIVE)


def test_killed_and_resumed(shared_tiny_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    code = (
        "import itertools, os, signal, sys\nfrom pathlib import Path\nfrom soccerbench.features.pack import pack\n"
        "write, count = os.pwrite, itertools.count(1)\n"
        "def last(*a):\n    return os.kill(os.getpid(), signal.SIGKILL) if next(count) == 9 else write(*a)\n"
        "os.pwrite = last\npack(Path(sys.argv[1]), Path(sys.argv[2]), workers=2)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(shared_tiny_root), str(out)], check=False)
    assert died.returncode == -signal.SIGKILL
    packed = pack(shared_tiny_root, out)
    assert 4 <= packed.resumed < packed.halves
    plain = all_rows(shared_tiny_root, FIVE)
    for key, values in all_rows(out, FIVE).items():
        np.testing.assert_array_equal(values, plain[key].astype(np.float16).astype(np.float32))


def test_it_waits_for_another_process_that_packs(
    shared_tiny_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "packed"
    assert_waits_for_the_writer(lambda: pack(shared_tiny_root, out), caplog, out, lease=out / ".lease")
    assert pack(shared_tiny_root, out).resumed


def test_what_a_killed_process_left_is_removed(shared_tiny_root: Path, tmp_path: Path) -> None:
    dead, other = Writer.this()._replace(started=1), "00000000.1.1"
    out = tmp_path / "packed"
    out.mkdir()
    (out / f".{JOURNAL}.{dead}.part").touch()
    pack(shared_tiny_root, out)
    for writer in (dead, other):
        (out / f".{INDEX}.{writer}.part").touch()
    pack(shared_tiny_root, out)
    assert [file.name for file in out.glob(".*")] == [f".{INDEX}.{other}.part"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"dtype": "float32"}, "holds another pack"), ({"blocks": ["vtn"]}, "holds another pack")],
)
def test_another_pack_is_not_overwritten(
    shared_tiny_root: Path, tmp_path: Path, options: dict[str, object], said: str
) -> None:
    pack(shared_tiny_root, tmp_path / "packed")
    with pytest.raises(InputError, match=said):
        pack(shared_tiny_root, tmp_path / "packed", **options)


def test_a_folder_of_something_else_is_not_touched(shared_tiny_root: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists and is not a pack"):
        pack(shared_tiny_root, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_source_that_changed_meanwhile_is_not_mixed_in(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fail_after(3, patched)
        with pytest.raises(InputError, match="No space left"):
            pack(tiny_root, tmp_path / "packed", workers=1)
    game = Dataset(tiny_root).games["train"][0]
    np.save(tiny_root / game / "1_ResNET_TF2.npy", np.zeros((300, 6), np.float32))
    with pytest.raises(InputError, match="unfinished pack of other data"):
        pack(tiny_root, tmp_path / "packed")


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "a value is not finite"), (np.inf, "a value is not finite"), (7e4, "above 65504")]
)
def test_values_that_cannot_be_packed_name_the_file(tiny_root: Path, tmp_path: Path, value: float, said: str) -> None:
    file = tiny_root / Dataset(tiny_root).games["valid"][0] / "2_baidu_soccer_embeddings.npy"
    values = np.load(file)
    values[149, 3] = value
    np.save(file, values)
    with pytest.raises(InputError, match=said) as caught:
        pack(tiny_root, tmp_path / "packed")
    assert caught.value.path == file


def test_a_missing_half_names_it_and_how_many(tiny_root: Path, tmp_path: Path) -> None:
    file = tiny_root / Dataset(tiny_root).games["train"][1] / "2_tpn_r50.npy"
    file.unlink()
    with pytest.raises(InputError, match="missing, as for 1 of 4 halves") as caught:
        pack(tiny_root, tmp_path / "packed")
    assert caught.value.path == file


def test_a_split_without_features_is_left_out(tiny_root: Path, tmp_path: Path) -> None:
    for file in (tiny_root / Dataset(tiny_root).games["challenge"][0]).glob("*.npy"):
        file.unlink()
    assert set(pack(tiny_root, tmp_path / "packed").index.files) == {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("blocks", "said"), [(["colour"], "unknown block 'colour'"), (["mega-resnet"], "unknown block")]
)
def test_blocks_that_are_not_there(shared_tiny_root: Path, tmp_path: Path, blocks: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pack(shared_tiny_root, tmp_path / "packed", blocks=blocks)


def damage_index(out: Path, change: object) -> None:
    index = json.loads((out / INDEX).read_text())
    index.update(change)
    (out / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda out: os.truncate(out / TRAIN, 5000), "not a readable feature file .truncated.; copy the file again"),
        (lambda out: (out / TRAIN).unlink(), "missing; copy the file again, or pack the root again"),
        (lambda out: (out / TRAIN).write_bytes(b""), "not a readable feature file"),
        (lambda out: np.save(out / TRAIN, np.zeros((9, 28), np.float16)), "is not the"),
        (lambda out: (out / INDEX).write_text("{"), "pack.json"),
        (lambda out: damage_index(out, {"format": 2}), "pack.json: format"),
        (lambda out: damage_index(out, {"dtype": "float64"}), "pack.json: dtype"),
        (lambda out: damage_index(out, {"hue": 3}), "pack.json: hue"),
    ],
)
def test_damaged_packs_are_named_in_one_line(shared_tiny_root: Path, tmp_path: Path, damage, said: str) -> None:
    out = tmp_path / "packed"
    pack(shared_tiny_root, out)
    damage(out)
    with pytest.raises(InputError, match=said) as caught:
        FeatureStore(out, FIVE).check(Dataset(shared_tiny_root).games["train"])
    assert "\n" not in str(caught.value)


def test_a_pack_truncated_while_it_is_read(shared_tiny_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    pack(shared_tiny_root, out)
    store, games = FeatureStore(out, FIVE), Dataset(out).games["train"]
    store.take(games[0], 1, np.arange(150))
    os.truncate(out / TRAIN, (out / TRAIN).stat().st_size - 1)
    store.take(games[0], 1, np.arange(150))
    with pytest.raises(InputError, match=f"{TRAIN}: .*, half 2: became shorter"):
        store.take(games[1], 2, np.arange(150))


def test_a_value_that_is_not_finite_names_game_and_row(shared_tiny_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    pack(shared_tiny_root, out)
    values = np.load(out / TRAIN, mmap_mode="r+")
    values[150 + 17, 2] = np.inf  # the second half of the first game
    values.flush()
    with pytest.raises(InputError, match="half 2: row 17: a value is not finite"):
        FeatureStore(out, FIVE).take(Dataset(out).games["train"][0], 2, np.arange(20))


def test_a_block_whose_file_no_game_has(tiny_root: Path, tmp_path: Path) -> None:
    for file in tiny_root.rglob("*_tpn_r50.npy"):
        file.unlink()
    assert "tpn-r50" not in pack(tiny_root, tmp_path / "rest").index.blocks
    with pytest.raises(InputError, match="holds no file of block 'tpn-r50'"):
        pack(tiny_root, tmp_path / "packed", blocks=["vtn", "tpn-r50"])
