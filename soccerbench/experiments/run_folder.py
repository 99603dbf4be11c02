"""The folder of one run: which run it belongs to, and how it makes room for another.

`identity.json` is written before anything else and says what the run depends on. A folder is never overwritten by a run
of another identity unless that is asked for; the old one is then kept until the new run is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import orjson

from soccerbench.errors import InputError
from soccerbench.files import write_json
from soccerbench.lease import only_writer
from soccerbench.scoring.schema import Report
from soccerbench.training import checkpoint

IDENTITY = "identity.json"
RecordT = TypeVar("RecordT", bound=Report)


@dataclass(frozen=True)
class RunFolder(Generic[RecordT]):
    """The folder of a run, complete once its record is there."""

    path: Path
    record: str  # the record's file
    read: Callable[[Path], RecordT]  # reads it
    identity: Mapping[str, str]  # what makes a run another one
    noted: Mapping[str, str] = field(default_factory=dict)  # is in `identity.json` too

    @property
    def changed(self) -> list[str]:
        """The keys of the identity in which the folder's run differs; none where it has no record and no checkpoint.

        All keys differ where there is a run without a readable `identity.json`.
        """
        if not (self.path / self.record).exists() and not checkpoint.exists(self.path):
            return []
        before = read_identity(self.path)
        return [key for key, value in self.identity.items() if before.get(key) != value]

    @property
    def is_complete(self) -> bool:
        """Whether an earlier run of the same identity has a record."""
        return (self.path / self.record).exists() and not self.changed

    def finished(self) -> RecordT | None:
        """The record of an earlier, complete run of the same identity; None if there is none.

        Raises:
            InputError: the folder holds a run of another identity, or a record that cannot be read.
        """
        file = self.path / self.record
        record = self.read(file) if file.exists() else None
        if keys := self.changed:
            remedy = "run it again with --force, or keep it and choose another --out"
            raise InputError(self.path, f"holds a run of another {' and '.join(keys)}", remedy)
        return record

    def complete(self, work: Callable[[], RecordT], *, force: bool) -> RecordT:
        """The record of an earlier, complete run, or what `work` makes.

        Where another process runs the same, its end is waited for.

        Raises:
            InputError: as `finished`, unless `force` is given; a full disk.
        """
        done = None if force else self.finished()
        if done is not None:
            return done
        replaced = self.path.with_name(f"{self.path.name}.replaced")
        with only_writer(self.path):
            if force and (self.changed or self._is_damaged()):
                shutil.rmtree(replaced, ignore_errors=True)
                self.path.rename(replaced)
            done = self.finished()
            if done is None:
                self.path.mkdir(parents=True, exist_ok=True)
                write_json(self.path / IDENTITY, {**self.identity, **self.noted})
                done = work()
                write_json(self.path / self.record, done.to_json())
                shutil.rmtree(replaced, ignore_errors=True)
        return done

    def _is_damaged(self) -> bool:
        try:
            return (self.path / self.record).exists() and not self.read(self.path / self.record)
        except InputError:
            return True


def read_identity(folder: Path) -> dict[str, str]:
    """What the folder's run depends on; empty where that is not known."""
    try:
        content = orjson.loads((folder / IDENTITY).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
