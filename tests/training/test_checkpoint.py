"""What stops the writing of a checkpoint is what is raised, and the one before stays."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import pytest
import torch

from soccerbench import files
from soccerbench.errors import InputError
from soccerbench.training import checkpoint


@pytest.mark.parametrize("writes", [0, 1, 3, 6])
@pytest.mark.parametrize(
    ("stopped_by", "raised"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.ENOSPC, "No space left on device"), InputError)],
)
def test_stopped_while_written_it_raises_what_stopped_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_by: BaseException, raised: type[BaseException], writes: int
) -> None:
    state = {"epoch": 1, "identity": "", "model": {"a": torch.ones(3), "b": torch.ones(5000)}}
    checkpoint.save(tmp_path, state)
    before = (tmp_path / checkpoint.CHECKPOINT).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "replacing", _failing_after(writes, stopped_by))
        with pytest.raises(raised):
            checkpoint.save(tmp_path, {**state, "epoch": 2})
    assert (tmp_path / checkpoint.CHECKPOINT).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.CHECKPOINT]
    loaded = checkpoint.load(tmp_path)
    assert loaded is not None
    assert loaded["epoch"] == 1


@pytest.mark.parametrize("where", [(zipfile, "ZipFile"), (torch, "load")])
@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OSError(errno.EIO, "Input/output error"), r"cannot be read \(Input/output error\); check its disk"),
        (PermissionError(errno.EACCES, "Permission denied"), r"cannot be read \(Permission denied\)"),
    ],
)
def test_what_cannot_be_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: tuple[object, str], raised: OSError, expected: str
) -> None:
    _save_two(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(*where, _raising(raised))
        with pytest.raises(InputError, match=expected) as caught:
            checkpoint.load(tmp_path)
    assert caught.value.path == tmp_path / checkpoint.CHECKPOINT
    assert checkpoint.load(tmp_path) == {"epoch": 2, "identity": {}}


def test_too_little_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save_two(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", _raising(RuntimeError("DefaultCPUAllocator: can't allocate memory")))
        with pytest.raises(RuntimeError, match="allocate"):
            checkpoint.load(tmp_path)
    assert checkpoint.load(tmp_path) == {"epoch": 2, "identity": {}}


def test_any_damage_leads_to_the_checkpoint_before(tmp_path: Path) -> None:
    _save_two(tmp_path)
    newest, before = tmp_path / checkpoint.CHECKPOINT, tmp_path / checkpoint.PREVIOUS
    whole, other = newest.read_bytes(), before.read_bytes()
    for place in range(0, len(whole), 20):
        for there in (b"", b"\xff" + whole[place + 1 :], whole[place + 64 :]):
            newest.write_bytes(whole[:place] + there)
            before.write_bytes(other)
            loaded = checkpoint.load(tmp_path)
            assert loaded is not None
            assert loaded["epoch"] in (1, 2)  # a byte that nothing depends on does no damage
    for place in range(len(whole) - 500, len(whole)):  # the archive's list of its entries
        newest.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        before.write_bytes(other)
        assert checkpoint.load(tmp_path) is not None


def _save_two(folder: Path) -> None:
    for epoch in (1, 2):
        checkpoint.save(folder, {"epoch": epoch, "identity": {}})


def _raising(error: Exception) -> Callable[..., None]:
    def called(*_: object, **__: object) -> None:
        raise error

    return called


class _Failing:
    """A stream that takes so many writes."""

    def __init__(self, stream: IO[bytes], writes: int, stopped_by: BaseException) -> None:
        self._stream, self._left, self._stopped_by = stream, writes, stopped_by

    def write(self, data: bytes) -> int:
        if self._left == 0:
            raise self._stopped_by
        self._left -= 1
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def _failing_after(writes: int, stopped_by: BaseException) -> Callable[[Path], AbstractContextManager[_Failing]]:
    @contextmanager
    def opened(path: Path) -> Iterator[_Failing]:
        with files.replacing(path) as stream:
            yield _Failing(stream, writes, stopped_by)

    return opened
