"""Files written aside and renamed: all of them or nothing."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.files import remove_leftovers, replacing, write_bytes, write_json, write_zip


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


CRASHED = """
import os, signal, sys
from pathlib import Path
from soccerbench.files import folder_next_to, replacing
target = Path(sys.argv[1])
with replacing(target) as stream, folder_next_to(target.with_name("folder")) as folder:
    (folder / "file").touch()
    print(flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "killed" else sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_when_the_same_is_written_again(tmp_path: Path) -> None:
    for name in ("table.csv", "table.csv.md"):
        subprocess.run([sys.executable, "-c", CRASHED, tmp_path / name, "killed"], check=False)
    command = [sys.executable, "-c", CRASHED, str(tmp_path / "table.csv"), "lives"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()
        foreign = tmp_path / ".table.csv.00000000.1.1.part"
        foreign.touch()
        of_living = {file.name for file in tmp_path.iterdir() if f".{living.pid}." in file.name}
        assert len(of_living) == 2
        write_bytes(tmp_path / "table.csv", b"whole")
        other = {file.name for file in tmp_path.iterdir() if file.name.startswith(".table.csv.md.")}
        assert len(other) == 1
        assert {file.name for file in tmp_path.iterdir()} == {"table.csv", foreign.name} | of_living | other
        remove_leftovers(tmp_path)
        assert {file.name for file in tmp_path.iterdir()} == {"table.csv", foreign.name} | of_living
        assert living.communicate(b"")
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv", foreign.name}
