"""Files of torch: damage, code and too much of it are refused; what cannot be read is no damage."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.torch_files import DamagedFileError, read_torch_file


class Code:
    """Runs something when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_and_plain_containers_are_read(tmp_path: Path, zipped: bool) -> None:
    torch.save({"a": [torch.ones(3), 1]}, tmp_path / "file", _use_new_zipfile_serialization=zipped)
    assert torch.equal(read_torch_file(tmp_path / "file")["a"][0], torch.ones(3))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], zipped: bool) -> None:
    torch.save({"a": Code()}, tmp_path / "file", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DamagedFileError, match="could run code"):
        read_torch_file(tmp_path / "file")
    assert capsys.readouterr().out == ""


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    torch.save(torch.zeros(1000), tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(data[:2000] + b"\xff" + data[2001:])
    with pytest.raises(DamagedFileError, match="has changed since it was written"):
        read_torch_file(tmp_path / "file")


def test_a_limit_holds_for_what_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", bytes(10**6))
    with pytest.raises(DamagedFileError, match="1000000 bytes unpacked, at most 1000 are read"):
        read_torch_file(tmp_path / "file", max_bytes=1000)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_torch_file(tmp_path / "file")
