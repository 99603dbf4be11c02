"""The feature store: blocks as columns, several files joined, and files that cannot be used."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.features.rows import stored_rows
from soccerbench.features.sources import parts_of, root_blocks
from soccerbench.features.store import FeatureStore, is_simulated

GAME = "league/season/game"
WIDTHS = {"tpn-r101": 3, "gta": 2, "vtn": 1, "ircsn": 2, "i3d-slow": 2}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / GAME).mkdir(parents=True)
    for half in (1, 2):
        released = np.arange(60, dtype=np.float32).reshape(6, 10) + 1000 * half
        np.save(tmp_path / GAME / f"{half}_baidu_soccer_embeddings.npy", released)
        np.save(tmp_path / GAME / f"{half}_tpn_r50.npy", -np.ones((4, 2), dtype=np.float32) * np.arange(4)[:, None])
        np.save(tmp_path / GAME / f"{half}_ResNET_TF2.npy", np.zeros((12, 2), dtype=np.float32))
    blocks = {name: {"width": width} for name, width in (WIDTHS | {"tpn-r50": 2, "resnet": 2}).items()}
    (tmp_path / "features.json").write_text(json.dumps({"blocks": blocks}))
    return tmp_path


@pytest.mark.parametrize(
    ("blocks", "row_1"),
    [
        (("tpn-r101",), [10, 11, 12]),
        (("gta", "vtn"), [13, 14, 15]),
        (("vtn", "gta"), [15, 13, 14]),
        (("i3d-slow", "tpn-r101"), [18, 19, 10, 11, 12]),
        (("tpn-r50", "vtn"), [-1, -1, 15]),
    ],
)
def test_blocks_are_columns_in_the_order_asked_for(root: Path, blocks: tuple[str, ...], row_1: list[float]) -> None:
    store = FeatureStore(root, blocks)
    assert store.width == len(row_1)
    values = store.take(GAME, 1, np.array([1]))[0]
    np.testing.assert_array_equal(values, [value + 1000 * (value > 0) for value in row_1])


def test_neighbouring_blocks_are_one_slice_of_one_file(root: Path) -> None:
    known = root_blocks(root)
    assert len(parts_of(known, tuple(WIDTHS))) == 1
    assert len(parts_of(known, ("tpn-r101", "vtn"))) == 2


def single_files(root: Path, half: int, *, keep_joined: bool = False) -> None:
    """Write each block of the joined file to a separate file."""
    joined = root / GAME / f"{half}_baidu_soccer_embeddings.npy"
    values, column = np.load(joined), 0
    for name, width in WIDTHS.items():
        np.save(root / GAME / f"{half}_{name.replace('-', '_')}.npy", values[:, column : column + width])
        column += width
    if not keep_joined:
        joined.unlink()


@pytest.mark.parametrize("blocks", [("ircsn",), tuple(WIDTHS), ("vtn", "tpn-r50", "gta")])
def test_a_block_is_found_in_its_own_file_or_in_the_joined_one(root: Path, blocks: tuple[str, ...]) -> None:
    joined = [FeatureStore(root, blocks).take(GAME, half, np.arange(4)) for half in (1, 2)]
    single_files(root, 1)
    single_files(root, 2, keep_joined=True)
    store = FeatureStore(root, blocks)
    for half, expected in zip((1, 2), joined, strict=True):
        np.testing.assert_array_equal(store.take(GAME, half, np.arange(4)), expected)
        np.testing.assert_array_equal(store.take_stored(GAME, half, np.arange(4)), expected)
        lines = np.empty((2, 2, expected.shape[1]), expected.dtype)
        store.read_stored([(GAME, half, 0), (GAME, half, 2)], lines)
        np.testing.assert_array_equal(lines.reshape(4, -1), expected)


def test_one_block_of_a_joined_file_that_is_missing_names_the_joined_file(root: Path) -> None:
    single_files(root, 1)
    (root / GAME / "1_ircsn.npy").unlink()
    with pytest.raises(InputError, match=r"1_baidu_soccer_embeddings\.npy: missing; download"):
        FeatureStore(root, ("ircsn",)).length(GAME, 1)
    assert FeatureStore(root, ("vtn",)).length(GAME, 1) == 6


@pytest.mark.parametrize("rows", [[0], [0, 1, 2, 3], [5, 0, 3], [[1, 2], [4, 4]]])
def test_arrays_stored_by_columns_are_read(root: Path, rows: list[int]) -> None:
    expected = FeatureStore(root, ("gta", "vtn")).take(GAME, 1, np.array(rows))
    file = root / GAME / "1_baidu_soccer_embeddings.npy"
    np.save(file, np.asfortranarray(np.load(file)))
    assert b"'fortran_order': True" in file.read_bytes()
    np.testing.assert_array_equal(FeatureStore(root, ("gta", "vtn")).take(GAME, 1, np.array(rows)), expected)
    stored = stored_rows(file)
    np.testing.assert_array_equal(np.concatenate([piece.copy() for piece in stored.pieces(2)]), np.load(file))
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(InputError, match="truncated"):
        FeatureStore(root, ("gta",)).length(GAME, 1)
    with pytest.raises(InputError, match="became shorter"):
        stored.take(np.array([5]), slice(None))


def test_the_array_stored_by_columns_of_the_shared_data() -> None:
    file = SHARED / "field" / "features" / "fortran_order.npy"
    if not file.exists():
        pytest.skip("the shared field data are not here")
    stored = stored_rows(file)
    np.testing.assert_array_equal(stored.take(np.arange(stored.rows), slice(None)), np.load(file))


def test_a_shorter_file_repeats_its_last_row(root: Path) -> None:
    store = FeatureStore(root, ("vtn", "tpn-r50"))
    assert store.length(GAME, 2) == 6
    np.testing.assert_array_equal(store.take(GAME, 2, np.arange(6))[:, 1], [0, -1, -2, -3, -3, -3])


def test_take_keeps_the_shape_of_rows_and_copies(root: Path) -> None:
    store = FeatureStore(root, ("vtn",))
    values = store.take(GAME, 1, np.array([[0, 1, 2], [3, 4, 5]]))
    assert values.shape == (2, 3, 1)
    values[:] = 0
    assert store.take(GAME, 1, np.array([0]))[0, 0] != 0


def test_the_two_rates_are_not_mixed(root: Path) -> None:
    assert FeatureStore(root, ("resnet",)).fps == 2
    with pytest.raises(InputError, match="rates"):
        FeatureStore(root, ("resnet", "vtn"))


def test_what_was_never_released_is_named(root: Path) -> None:
    assert FeatureStore(root, ("vtn", "tpn-r50")).absent_files([GAME]) == ()
    assert FeatureStore(root, ("mega-vtn", "mega-gta", "tpn-r50")).absent_files([GAME]) == (
        "mega_vtn.npy",
        "mega_gta.npy",
    )


def test_half_precision_and_double_are_read_as_float32(root: Path) -> None:
    for dtype in (np.float16, np.float64):
        np.save(root / GAME / "1_tpn_r50.npy", np.ones((4, 2), dtype=dtype))
        assert FeatureStore(root, ("tpn-r50",)).take(GAME, 1, np.array([0])).dtype == np.float32


def saved(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones((4, 2)))
    return stream.getvalue()


BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "not a readable feature file"),
    "no rows": (lambda: saved(np.ones((0, 2), np.float32)), "shape|not a readable"),
    "truncated": (
        lambda: saved(np.ones((400, 2), np.float32))[:-100],
        r"file \(truncated\); it was never released: extract",
    ),
    "truncated header": (lambda: saved(np.ones((4, 2), np.float32))[:20], "not a readable feature file"),
    "pickled objects": (
        lambda: saved(np.array([{}, []], object), allow_pickle=True),
        r"pickled .*; save its array",
    ),
    "a pickle": (lambda: pickle.dumps(np.ones((4, 2))), r"pickled .*; save its array"),
    "an archive": (archive, "archive"),
    "1-d": (lambda: saved(np.ones(8, np.float32)), "1-d"),
    "whole numbers": (lambda: saved(np.ones((4, 2), np.int64)), "not a 2-d array of floats"),
    "another width": (lambda: saved(np.ones((4, 3), np.float32)), r"shape \(4, 3\), expected \(rows, 2\)"),
    "text": (lambda: b"these are no features", "it does not begin as a .npy file"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files_are_named_in_one_line(root: Path, kind: str) -> None:
    make, said = BAD_FILES[kind]
    file = root / GAME / "2_tpn_r50.npy"
    file.write_bytes(make())
    with pytest.raises(InputError, match=said) as caught:
        FeatureStore(root, ("tpn-r50",)).check([GAME])
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_half(root: Path) -> None:
    (root / GAME / "2_tpn_r50.npy").unlink()
    with pytest.raises(InputError, match=r"2_tpn_r50\.npy: missing"):
        FeatureStore(root, ("tpn-r50",)).check([GAME])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found_when_they_are_read(root: Path, value: float) -> None:
    values = np.ones((4, 2), np.float32)
    values[2, 1] = value
    np.save(root / GAME / "1_tpn_r50.npy", values)
    store = FeatureStore(root, ("tpn-r50",))
    store.take(GAME, 1, np.array([0, 1, 3]))
    with pytest.raises(InputError, match=r"1_tpn_r50\.npy: row 2: a value is not finite"):
        store.take(GAME, 1, np.array([[0, 1], [2, 3]]))


def test_files_of_one_half_that_differ_too_much(root: Path) -> None:
    np.save(root / GAME / "1_tpn_r50.npy", np.ones((30, 2), np.float32))
    with pytest.raises(InputError, match="6 rows, but another file of this half has 30"):
        FeatureStore(root, ("vtn", "tpn-r50")).check([GAME])


def test_a_file_that_shrinks_while_it_is_mapped_is_no_crash(root: Path) -> None:
    store = FeatureStore(root, ("tpn-r50",))
    store.take(GAME, 1, np.array([0]))
    with (root / GAME / "1_tpn_r50.npy").open("r+b") as stream:
        stream.truncate(20)
    with pytest.raises(InputError, match="became shorter"):
        store.take(GAME, 1, np.array([3]))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "no json",
        '{"blocks": []}',
        '{"blocks": {"colour": {"width": 3}}}',
        '{"blocks": {"vtn": {"width": 0}}}',
        '{"blocks": {"vtn": {"file": "../../secret.npy"}}}',
        '{"blocks": {"vtn": {"hue": 3}}}',
    ],
)
def test_descriptions_of_blocks_that_are_none(root: Path, text: str) -> None:
    (root / "features.json").write_text(text)
    with pytest.raises(InputError) as caught:
        FeatureStore(root, ("vtn",))
    assert str(caught.value).startswith(str(root / "features.json"))


def test_only_a_root_that_says_so_is_simulated(root: Path) -> None:
    assert not is_simulated(root)
    (root / "features.json").write_text('{"simulated": {"seed": 0}, "blocks": {}}')
    assert is_simulated(root)
