"""The events of many games' label or prediction files: those written alike are read together, the others one by one.

Conventions
    together  files up to BATCH_BYTES, which fit the CPU's cache; where some entry cannot be used, each of them alone.
              Those of a zip over LARGE_BYTES are unpacked, which does not hold the interpreter's lock, while others are
              parsed; of a smaller one this takes longer
    order     files without an error change nothing for the others, so the first error is the one of reading in order
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from itertools import groupby, pairwise, starmap
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from soccerbench.errors import InputError
from soccerbench.events import SPOTTING_FRAMES, Bools, Events, Floats, Ints, frames_of
from soccerbench.soccernet.archive import Tree, check_limits
from soccerbench.soccernet.classes import ClassList
from soccerbench.soccernet.columns import repeated
from soccerbench.soccernet.lists.uniform import Body, UniformEntries, body_of, uniform_entries
from soccerbench.soccernet.row_file import RowFile
from soccerbench.soccernet.rows import Table

BATCH_BYTES = 2**20
LARGE_BYTES = 2**21
CLASHES = "predictions of a class in a frame that a later one takes over"
Entries = Sequence[Any] | UniformEntries
Files = dict[str, tuple[bytes, Path]]  # game -> content of its file, and where that is
T = TypeVar("T")


def _ahead(batches: Iterator[T]) -> Iterator[T]:
    """The same, each made in another thread while the one before it is used."""
    from concurrent.futures import ThreadPoolExecutor

    following = partial(copy_context().run, next, batches, None)  # within the same limits of reading
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(following)
        while (batch := waiting.result()) is not None:
            waiting = reader.submit(following)
            yield batch


class EventColumns(NamedTuple):
    """The columns of a list of events, (N,) each; `kept` are those that the official scorer does not skip."""

    half: Ints
    label: Ints
    position_ms: Ints
    visible: Bools | None
    confidence: Floats | None
    kept: Bools

    def events(self, rows: slice, game: str, warnings: Counter[str]) -> Events:
        """Those kept of some rows."""
        chosen = np.arange(len(self.kept))[rows][self.kept[rows]] if not self.kept[rows].all() else rows
        return Events(
            half=self.half[chosen],
            label=self.label[chosen],
            position_ms=self.position_ms[chosen],
            visible=None if self.visible is None else self.visible[chosen],
            confidence=None if self.confidence is None else self.confidence[chosen],
            game=game,
            warnings=warnings,
        )


class EventFiles(NamedTuple):
    """Files of one kind.

    Args:
        tree: a folder or zip in the official layout.
        key: of the list of entries.
        strict: refuse every fault.
        classes: that the entries name.
        table: the faults and the columns of a list.
    """

    tree: Tree
    key: str
    strict: bool
    classes: ClassList
    table: Callable[[Entries, ClassList], tuple[Table, EventColumns]]

    def read(self, names: Mapping[str, str]) -> list[Events]:
        """Read the file of each game, given by its name in the tree.

        Raises:
            InputError: a file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer.
        """
        batches = self._batches(names)
        read = map(self._of, _ahead(batches) if self.tree.packed_bytes > LARGE_BYTES else batches)
        found = {game: events for batch in read for game, events in batch.items()}
        return [found[game] for game in names]

    def _batches(self, names: Mapping[str, str]) -> Iterator[Files]:
        """Some files at a time; those before one that cannot be read come before its error."""
        waiting: Files = {}
        try:
            for game, name in names.items():
                data, path = self.tree.read(name), self.tree.where(name)
                check_limits(data, path)
                waiting[game] = data, path
                if sum(len(data) for data, _ in waiting.values()) >= BATCH_BYTES:
                    yield waiting
                    waiting = {}
        except InputError:
            yield waiting
            raise
        yield waiting

    def _of(self, files: Files) -> dict[str, Events]:
        found: dict[str, Events] = {}
        bodies = [(game, body) for game, (data, _) in files.items() if (body := body_of(data, self.key)) is not None]
        for _, group in groupby(bodies, key=lambda item: item[1].form):
            found |= self._together(list(group))
        return found | {game: self._alone(game, *file) for game, file in files.items() if game not in found}

    def _together(self, bodies: Sequence[tuple[str, Body]]) -> dict[str, Events]:
        """The events of files of one form, without those that have to be read entry by entry."""
        entries = uniform_entries([body for _, body in bodies])
        found = None if entries is None else self._usable(entries, [game for game, _ in bodies])
        if found is None:  # some entry has to be named
            alone = [self._together([one]) for one in bodies if len(bodies) > 1]
            return {game: events for one in alone for game, events in one.items()}
        return found

    def _usable(self, entries: UniformEntries, games: Sequence[str]) -> dict[str, Events] | None:
        """The events of some games; None where some entry has to be named."""
        table, columns = self.table(entries, self.classes)
        if table.refused.any() or table.unknown or (self.strict and table.faults):
            return None
        clashes = self._clashes(columns, entries.bounds)
        if self.strict and clashes.any():
            return None
        warnings: list[Counter[str]] = [Counter() for _ in games]
        counted = [(one.kind, np.add.reduceat(one.rows, entries.bounds[:-1], dtype=np.int64)) for one in table.faults]
        for kind, counts in (*counted, (CLASHES, clashes)):
            for place in np.flatnonzero(counts).tolist():
                warnings[place][kind] += int(counts[place])
        rows = starmap(slice, pairwise(entries.bounds.tolist()))
        return {given[1]: columns.events(*given) for given in zip(rows, games, warnings, strict=True)}

    def _alone(self, game: str, data: bytes, path: Path) -> Events:
        file = RowFile(data, path, self.key, strict=self.strict)
        table, columns = self.table(file.entries, self.classes)
        file.check(table)
        file.check_repeated_keys(nested=False)
        (clashes,) = self._clashes(columns, np.array([0, len(columns.kept)])).tolist()
        if clashes and self.strict:
            row = int(np.argmax(repeated(self._places(columns))))  # a strict reader keeps all
            event, position_ms = self.classes.names[columns.label[row]], columns.position_ms[row]
            problem = f"predictions, entry {row + 1}: a second {event!r} within half a second at {position_ms}"
            raise InputError(path, problem, "keep the more confident of the two")
        if clashes:
            file.warnings[CLASHES] += clashes
        return columns.events(slice(None), game, file.warnings)

    def _places(self, columns: EventColumns) -> Ints:
        """(N,) one number a half, class and frame, of the events that are kept."""
        half, label, position_ms = (column[columns.kept] for column in columns[:3])
        return (half * len(self.classes.names) + label) * SPOTTING_FRAMES + frames_of(position_ms, "soccernet")

    def _clashes(self, columns: EventColumns, bounds: Ints) -> Ints:
        """(F,) how many predictions of each file share the half, class and frame of another; labels may."""
        if columns.confidence is None:
            return np.zeros(len(bounds) - 1, np.int64)
        whole = 3 * len(self.classes.names) * SPOTTING_FRAMES
        files = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))[columns.kept]
        place = np.sort(files * whole + self._places(columns))
        return np.bincount(place[1:][np.diff(place) == 0] // whole, minlength=len(bounds) - 1)
