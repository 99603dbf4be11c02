"""Archives: folder and zip alike, nothing read from outside, limits, damage, JSON."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.soccernet import archive
from soccerbench.soccernet.archive import (
    MAX_CONTAINERS,
    MAX_MIB,
    Tree,
    count_repeated_keys,
    parse_json,
    reading_at_most,
)

PATH = Path("file.json")


def make_zip(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture(params=["folder", "zip"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    if request.param == "zip":
        return Tree(make_zip(tmp_path / "games.zip", [("a/x.json", b"[1]"), ("a/b/y.json", b"{}"), ("a/", b"")]))
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x.json").write_bytes(b"[1]")
    (tmp_path / "a" / "b" / "y.json").write_bytes(b"{}")
    return Tree(tmp_path)


def test_a_folder_and_a_zip_read_alike(tree: Tree) -> None:
    assert tree.names() == ["a/b/y.json", "a/x.json"]
    assert tree.json("a/x.json") == [1]
    assert "a/x.json" in tree
    assert "a/z.json" not in tree
    assert tree.repeated == []


@pytest.mark.parametrize(
    "name", ["a/z.json", "../outside.json", "a/../../outside.json", "/etc/hostname", "a\\..\\x", ""]
)
def test_what_is_missing_or_outside_is_one_line(tree: Tree, name: str) -> None:
    with pytest.raises(InputError, match=r"missing|leads out") as caught:
        tree.read(name)
    assert "\n" not in str(caught.value)
    assert name not in tree


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or zip"):
        Tree(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["../evil.json", "/evil.json", "a/../../evil.json", "..\\evil.json", "C:/evil.json"])
def test_a_zip_whose_names_leave_it_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="leaves the archive"):
        Tree(make_zip(tmp_path / "evil.zip", [("good.json", b"{}"), (name, b"{}")]))


def test_the_last_of_two_entries_of_one_name_is_read_and_the_name_reported(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        path = make_zip(tmp_path / "twice.zip", [("x.json", b"1"), ("x.json", b"2"), ("y.json", b"3")])
    tree = Tree(path)
    assert tree.repeated == ["x.json"]
    assert tree.names() == ["x.json", "y.json"]
    assert tree.read("x.json") == b"2"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 2)
    assert tree.read("a/b/y.json") == b"{}"
    with pytest.raises(InputError, match=r"3 bytes unpacked, at most 2 .*; check what was packed, or raise --max-mib"):
        tree.read("a/x.json")
    with reading_at_most(2 * MAX_MIB):
        assert tree.read("a/x.json") == b"[1]"


def test_a_bomb_that_states_a_wrong_size_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "bomb.zip", [("x.json", b"0" * 100_000)])
    data = path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    path.write_bytes(data)
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match=r"x\.json: cannot be read"):
        Tree(path).read("x.json")


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 1), ("MAX_TOTAL_BYTES", 5), ("MAX_DIRECTORY_BYTES", 50)])
def test_a_zip_over_the_limits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    path = make_zip(tmp_path / "many.zip", [("a.json", b"123"), ("b.json", b"456")])
    monkeypatch.setattr(archive, limit, value)
    with pytest.raises(InputError, match="at most"):
        Tree(path)


@pytest.mark.parametrize("damage", ["cut", "flip", "encrypt", "method", "no zip"])
def test_a_damaged_zip_is_one_line(tmp_path: Path, damage: str) -> None:
    path = make_zip(tmp_path / "games.zip", [("x.json", b'{"a": 1}' * 50)])
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    if damage == "cut":
        del data[-10:]
    elif damage == "flip":
        data[40] ^= 0xFF
    elif damage == "encrypt":
        data[6] |= 1
        data[directory + 8] |= 1
    elif damage == "method":
        data[8] = data[directory + 10] = 99
    else:
        data = bytearray(b"no zip at all")
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        Tree(path).read("x.json")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(InputError, match="no regular file"):
        Tree(tmp_path).read("x.json")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1,]", b"\xff", b'"\xff"', b"[" * 100_000, b'\xef\xbb\xbf{"a": 1}', b"1 2"]
)
def test_no_json_is_one_line_also_for_a_lenient_reader(data: bytes) -> None:
    for lenient in (False, True):
        with pytest.raises(InputError, match=r"file\.json: .*no JSON"):
            parse_json(data, PATH, lenient=lenient)


@pytest.mark.parametrize(
    ("data", "value"), [(b"[Infinity]", [float("inf")]), (b'"\\ud800"', "\ud800"), (b"1" * 400, None)]
)
def test_a_lenient_reader_takes_what_python_does(data: bytes, value: object) -> None:
    assert parse_json(data, PATH, lenient=True) == (int(data) if value is None else value)
    with pytest.raises(InputError):
        parse_json(data, PATH)


def test_a_number_too_long_for_python_is_one_line() -> None:
    with pytest.raises(InputError):
        parse_json(b"9" * 5000, PATH, lenient=True)


def test_too_many_objects_are_refused_before_parsing() -> None:
    data = b"[" + b"{}," * MAX_CONTAINERS + b"0]"
    with pytest.raises(InputError, match=f"1000001 objects and lists, at most 1000000 .*now {MAX_MIB}"):
        parse_json(data, PATH)
    with reading_at_most(2 * MAX_MIB):
        assert len(parse_json(data, PATH)) == MAX_CONTAINERS + 1
    with reading_at_most(MAX_MIB / 8), pytest.raises(InputError, match="1000001 values, at most 1000000"):
        parse_json(b"[" + b"0," * 1_000_001 + b"0]", PATH)


def test_what_is_no_json_does_not_count_towards_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "features.zip", [("a/1_features.npy", b"0" * 100), ("a/x.json", b"[1]")])
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 50)
    assert Tree(path).json("a/x.json") == [1]


@pytest.mark.parametrize(
    ("text", "keys", "repeated"),
    [
        ('{"a": 1, "b": [{"a": 2}]}', 3, 0),
        ('{"a": 1, "a": 2}', 1, 1),
        ('{"a": 1, "\\u0061": 2}', 1, 1),  # the same key, spelled otherwise
        ('{"a" : 1, "b" : 2}', 2, 0),
        ('{"a" : 1, "a": 2, "a" : 3}', 1, 2),
        ('{"a": "b\\": c"}', 1, 0),
    ],
)
def test_repeated_keys_are_counted(text: str, keys: int, repeated: int) -> None:
    assert count_repeated_keys(text.encode(), PATH, keys=keys) == repeated
