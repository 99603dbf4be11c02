"""Checksums that were written with a root: those of a pack's index and of a simulated root's manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.features.packed import PackedFiles
from soccerbench.features.rows import StoredRows
from soccerbench.features.sources import Source
from soccerbench.soccernet.archive import parse_json

MANIFEST = "mini.json"


@dataclass(frozen=True)
class Checksums:
    """What is known of the files of a root, CRC-32."""

    halves: dict[tuple[str, int, str], int] = field(default_factory=dict)  # (game, half, file) -> of its rows
    texts: dict[str, int] = field(default_factory=dict)  # name below the root -> of a file without rows
    whole_files: bool = False  # whether those of halves begin with the header of their file

    def begin_of(self, stored: StoredRows) -> bytes:
        """The bytes before the rows of a half that its checksum includes."""
        if not self.whole_files:
            return b""
        with stored.path.open("rb") as stream:
            return stream.read(stored.offset)


def known_checksums(root: Path, source: Source) -> Checksums:
    """All checksums that were written with a root."""
    files = _manifest(root / MANIFEST) if (root / MANIFEST).exists() else {}
    texts = {name: checksum for name, checksum in files.items() if not name.endswith(".npy")}
    if isinstance(source, PackedFiles):
        packed = {(at.half.game, at.half.half, at.file): at.half.crc32 for at in source.index.places()}
        return Checksums(packed, texts)
    halves = {}
    for name, checksum in files.items():
        game, _, file = name.rpartition("/")
        if name.endswith(".npy") and file[:2] in ("1_", "2_"):
            halves[game, int(file[0]), file[2:]] = checksum
    return Checksums(halves, texts, whole_files=True)


def _manifest(path: Path) -> dict[str, int]:
    try:
        content: Any = parse_json(path.read_bytes(), path)
        files = dict(content["files"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(path, f"not a manifest ({error})", "make the dataset again") from None
    if not all(isinstance(checksum, int) for checksum in files.values()):
        raise InputError(path, "files: a checksum is not an integer", "make the dataset again")
    return files
