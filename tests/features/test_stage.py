"""A packed root copied to a fast disk: once, verified, from a folder or an object store; results copied to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from soccerbench.errors import InputError
from soccerbench.features.pack import pack
from soccerbench.features.stage import copied_to, staged


@pytest.fixture(scope="module")
def packed(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "tiny"
    pack(shared_tiny_root, folder, workers=1)
    return folder


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    """An object store in memory."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_folder_is_copied_once(packed: Path, tmp_path: Path) -> None:
    copy = staged(str(packed), tmp_path / "fast")
    assert copy == tmp_path / "fast" / "tiny"
    assert contents(copy) == contents(packed)
    times = {file: file.stat().st_mtime_ns for file in copy.rglob("*")}
    assert staged(f"{packed}/", tmp_path / "fast") == copy
    assert {file: file.stat().st_mtime_ns for file in copy.rglob("*")} == times
    assert [file.name for file in (tmp_path / "fast").iterdir()] == ["tiny"]


def test_an_object_store_is_read_and_written(packed: Path, tmp_path: Path, store: fsspec.AbstractFileSystem) -> None:
    store.put(f"{packed}/", "/bucket/tiny/", recursive=True)
    copy = staged("memory://bucket/tiny", tmp_path)
    assert contents(copy) == contents(packed)
    assert copied_to(copy, "memory://results/runs/") == "memory:///results/runs/tiny"
    for name, data in contents(packed).items():
        assert store.cat_file(f"/results/runs/tiny/{name}") == data


def test_a_damaged_copy_is_refused(packed: Path, tmp_path: Path, store: fsspec.AbstractFileSystem) -> None:
    store.put(f"{packed}/", "/bucket/tiny/", recursive=True)
    name = next(path for path in store.find("/bucket/tiny") if path.endswith(".npy"))
    data = bytearray(store.cat_file(name))
    data[-9] ^= 1
    store.pipe_file(name, bytes(data))
    with pytest.raises(InputError, match=r"memory://bucket/tiny: its copy has "):
        staged("memory://bucket/tiny", tmp_path / "fast")
    assert not list((tmp_path / "fast").iterdir())


def test_a_copy_of_another_pack_is_kept(packed: Path, tmp_path: Path) -> None:
    copy = staged(str(packed), tmp_path)
    (copy / "pack.json").write_bytes(b"{}")
    with pytest.raises(InputError, match="is a copy of another pack"):
        staged(str(packed), tmp_path)


@pytest.mark.parametrize("source", ["memory://nothing/here", "/nothing/here", "nonsuch://bucket/tiny"])
def test_no_packed_root_is_one_line(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as found:
        staged(source, tmp_path / "fast")
    assert str(found.value).startswith(source)
    assert "\n" not in str(found.value)
