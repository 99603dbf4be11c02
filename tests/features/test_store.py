"""The feature store: blocks as columns, several files joined, and files that cannot be used."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soccerbench.errors import InputError
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
    assert len(FeatureStore(root, tuple(WIDTHS)).parts) == 1
    assert len(FeatureStore(root, ("tpn-r101", "vtn")).parts) == 2


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
    "truncated": (lambda: saved(np.ones((400, 2), np.float32))[:-100], "not a readable feature file"),
    "truncated header": (lambda: saved(np.ones((4, 2), np.float32))[:20], "not a readable feature file"),
    "pickled objects": (lambda: saved(np.array([{}, []], object), allow_pickle=True), "not a readable feature file"),
    "a pickle": (lambda: pickle.dumps(np.ones((4, 2))), "not a readable feature file"),
    "an archive": (archive, "archive"),
    "1-d": (lambda: saved(np.ones(8, np.float32)), "1-d"),
    "whole numbers": (lambda: saved(np.ones((4, 2), np.int64)), "not a 2-d array of floats"),
    "another width": (lambda: saved(np.ones((4, 3), np.float32)), r"shape \(4, 3\), expected \(rows, 2\)"),
    "text": (lambda: b"these are no features", "not a readable feature file"),
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
