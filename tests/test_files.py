"""Files written aside and renamed: all of them or nothing."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.files import replacing, write_bytes, write_json, write_zip


def test_writing_is_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.json"
    write_json(target, {"a": 1})
    assert target.read_bytes() == b'{\n  "a": 1\n}\n'

    def fail_midway() -> None:
        with replacing(target) as stream:
            stream.write(b"half")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail_midway()
    assert target.read_bytes() == b'{\n  "a": 1\n}\n'
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_where_nothing_can_be_written_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "below", b"data")


def test_equal_contents_give_equal_zips(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_zip(tmp_path / name, iter([("a/x.json", b"[1]"), ("b/x.json", b"[2]")]))
    one = (tmp_path / "one.zip").read_bytes()
    assert one == (tmp_path / "two.zip").read_bytes()
    assert zipfile.ZipFile(io.BytesIO(one)).read("b/x.json") == b"[2]"
