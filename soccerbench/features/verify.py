"""Verifies a dataset before any training: missing, damaged, misplaced or mislabelled files.

Each expected half must exist, have the right width, type and length, hold finite values that are not all zero, not
constant and not a copy of another half, fit its labels and the other files of the half, have its blocks in the expected
order, and match its checksum where one is known. Label files must be those of their game.

Conventions
    problem   makes the data unusable: verification fails
    note      harmless, such as a file that no game of a split has, which may be on purpose
    checksum  of `pack.json` for packed files, of `mini.json` for the files of a simulated root; others have none
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError, counted
from soccerbench.features.checksums import Checksums, known_checksums
from soccerbench.features.dataset import Dataset
from soccerbench.features.half_statistics import HalfStatistics, place_of_block, statistics_of
from soccerbench.features.label_checks import LabelChecks
from soccerbench.features.rows import StoredRows
from soccerbench.features.sources import Source, files_of, open_source
from soccerbench.features.store import HALVES, MAX_LATE_S, MAX_LENGTH_GAP_S
from soccerbench.progress import Progress, silent
from soccerbench.soccernet.labels import label_file

MAX_WORKERS = 4
MAX_LENGTH_RATIO = 1.5  # of halves to the time of their last event, in the median of a split: more is a wrong rate
MIN_EVENTS = 10  # in a half, enough to estimate its length
UNRECTIFIED = "vtn"  # the block of the released file whose network does not end in a ReLU and whose width is unique


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    check: str
    split: str
    game: str
    half: int | None
    file: str
    problem: str


@dataclass
class FileReport:
    """One feature file over all games of a split."""

    split: str
    file: str
    halves: int = 0
    rows: int = 0
    nbytes: int = 0
    dtypes: set[str] = field(default_factory=set)
    checksums: int = 0


@dataclass
class Report:
    """What was verified and what was found."""

    root: Path
    files: list[FileReport]
    problems: list[Problem]
    notes: list[str]
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class _Half:
    """One half of one file, to be read."""

    split: str
    game: str
    half: int
    file: str
    stored: StoredRows

    @property
    def place(self) -> dict[str, Any]:
        """Where a problem of it is."""
        return {"split": self.split, "game": self.game, "half": self.half, "file": self.file}


def verify(root: Path, *, workers: int | None = None, progress: Progress = silent) -> Report:
    """Verify every feature file of a root, plain or packed, and its labels against them.

    Raises:
        InputError: not a dataset, or an unreadable index or description of features.
    """
    started = time.monotonic()
    return _Verification(Dataset(root), open_source(root), workers or min(MAX_WORKERS, os.cpu_count() or 1)).run(
        started, progress
    )


class _Verification:
    """The checks and what they have found so far."""

    def __init__(self, root: Dataset, source: Source, workers: int) -> None:
        self.root, self.source, self.workers = root, source, workers
        self.report = Report(root.path, [], [], [])
        self.checksums: Checksums = known_checksums(root.path, source)
        self.undecided = 0
        self.files = files_of(source.blocks)
        self.labels = LabelChecks(root, self._problem)
        self._same: dict[tuple[str, int, int], list[_Half]] = {}

    def run(self, started: float, progress: Progress) -> Report:
        """All checks: which files exist, their lengths, then every byte."""
        halves = [half for split, games in self.root.games.items() for half in self._present(split, games)]
        if not halves:
            self._problem("missing", "no feature files in this root")
        self._check_splits()
        self._check_lengths(halves)
        self._check_labels(halves)
        self._check_rates(halves)
        self._check_texts()
        total, done = sum(half.stored.nbytes for half in halves), 0
        with ThreadPoolExecutor(self.workers) as pool:
            for half, seen in zip(halves, pool.map(self._read, halves), strict=True):
                self._check_values(half, seen)
                done += half.stored.nbytes
                progress("verified", done, total)
        self._check_copies()
        if self.undecided:
            self.report.notes.append(
                f"the order of the blocks cannot be seen from the values of {counted(self.undecided, 'half', 'halves')}"
            )
        self.report.problems.sort(key=lambda found: (found.split, found.game, found.half or 0, found.file, found.check))
        self.report.seconds = time.monotonic() - started
        return self.report

    def _present(self, split: str, games: list[str]) -> Iterator[_Half]:
        """The halves of a split that can be opened; those that should be there and cannot are problems."""
        missing = [game for game in games if not self.root.has_features(game)]
        if missing and len(missing) == len(games):
            self.report.notes.append(f"{split}: not here ({counted(len(games), 'game')})")
            return
        for game in missing:
            self._problem("missing", "the game's folder is missing", split=split, game=game)
        here = [game for game in games if game not in set(missing)]
        for game in here:
            self.labels.check(split, game)
        for file in self.files:
            there = {(game, half) for game in here for half in HALVES if self.source.has(game, half, file)}
            if not there:
                continue
            summary = FileReport(split, file)
            self.report.files.append(summary)
            for game in here:
                for half in HALVES:
                    opened = self._open(split, game, half, file)
                    if opened is not None:
                        summary.halves, summary.rows = summary.halves + 1, summary.rows + opened.stored.rows
                        summary.nbytes += opened.stored.nbytes
                        summary.dtypes.add(opened.stored.dtype.name)
                        summary.checksums += (game, half, file) in self.checksums.halves
                        yield opened
            if len(summary.dtypes) > 1:
                self._problem("dtype", f"values are {' and '.join(sorted(summary.dtypes))}", split=split, file=file)

    def _open(self, split: str, game: str, half: int, file: str) -> _Half | None:
        if not self.source.has(game, half, file):
            if not self._is_elsewhere(game, half, file):
                self._problem("missing", "the file is missing", split=split, game=game, half=half, file=file)
            return None
        try:
            return _Half(split, game, half, file, self.source.rows(game, half, file, sum(self._widths(file))))
        except InputError as error:
            self._problem("shape", error.problem, split=split, game=game, half=half, file=file)
            return None

    def _is_elsewhere(self, game: str, half: int, file: str) -> bool:
        """Whether a half has all blocks of a file in other files."""
        having = [other for other in self.files if other != file and self.source.has(game, half, other)]
        return all(any(name in self.files[other] for other in having) for name in self.files[file])

    def _check_lengths(self, halves: list[_Half]) -> None:
        """The files of one half are about equally long."""
        lengths_s: dict[tuple[str, str, int], dict[str, float]] = {}
        for half in halves:
            lengths_s.setdefault((half.split, half.game, half.half), {})[half.file] = self._length_s(half)
        for (split, game, number), by_file in lengths_s.items():
            longest = max(by_file, key=lambda file: by_file[file])
            for file, length_s in by_file.items():
                if by_file[longest] - length_s > MAX_LENGTH_GAP_S:
                    said = f"{length_s:.0f} s, but {longest} has {by_file[longest]:.0f} s"
                    self._problem("length", said, split=split, game=game, half=number, file=file)

    def _check_splits(self) -> None:
        """A file that one split has, the others have too."""
        there = {(report.split, report.file) for report in self.report.files}
        for file in self.files:
            having = [split for split in self.root.games if (split, file) in there]
            for split, games in self.root.games.items():
                if having and split not in having and any(map(self.root.has_features, games)):
                    self.report.notes.append(f"{split}: no game has {file}, which {' and '.join(having)} have")

    def _check_labels(self, halves: list[_Half]) -> None:
        """No event is far beyond the end of its half."""
        for half in halves:
            length_s, event_s = self._length_s(half), self._events_s(half).max(initial=0)
            if event_s > length_s + MAX_LATE_S:
                labels = label_file(self.root.tree, half.game)
                said = f"ends at {length_s:.0f} s, but {labels} has an event at {event_s:.0f} s"
                self._problem("labels", said, **half.place)

    def _check_rates(self, halves: list[_Half]) -> None:
        """The halves of a file do not end long after their last events, as they would at twice the rate."""
        ratios: dict[tuple[str, str], list[float]] = {}
        for half in halves:
            events_s = self._events_s(half)
            if len(events_s) >= MIN_EVENTS and events_s.max() > 0:
                ratios.setdefault((half.split, half.file), []).append(self._length_s(half) / float(events_s.max()))
        for (split, file), found in ratios.items():
            if (ratio := median(found)) > MAX_LENGTH_RATIO:
                apart = f"are its rows {1 / self._fps(file):g} s apart?"
                said = f"halves are {ratio:.1f} times as long as their labels; {apart}"
                self._problem("rate", said, split=split, file=file)

    def _events_s(self, half: _Half) -> NDArray[np.float64]:
        return self.labels.events_s(half.split, half.game, half.half)

    def _check_texts(self) -> None:
        """The files without rows, where their checksums are known."""
        for name, checksum in self.checksums.texts.items():
            path = self.root.path / name
            try:
                if crc32(path.read_bytes()) != checksum:
                    self._problem("checksum", "differs from the one it was written with", file=name)
            except OSError as error:
                self._problem("missing", error.strerror or str(error), file=name)

    def _read(self, half: _Half) -> HalfStatistics | InputError:
        try:
            begin = self.checksums.begin_of(half.stored)
            return statistics_of(half.stored, self._widths(half.file), begin=begin)
        except InputError as error:
            return error

    def _check_values(self, half: _Half, seen: HalfStatistics | InputError) -> None:
        def problem(check: str, said: str) -> None:
            self._problem(check, said, **half.place)

        if isinstance(seen, InputError):
            problem("reading", seen.problem)
            return
        if len(seen.not_finite):
            problem(
                "finite",
                f"{counted(len(seen.not_finite), 'row')} with values not finite, first row {seen.not_finite[0]}",
            )
        if len(seen.zero):
            problem("zero", f"{counted(len(seen.zero), 'row')} of zeros only, first row {seen.zero[0]}")
        names = list(self.files[half.file])
        if seen.constant:
            problem("constant", f"{', '.join(names[block] for block in seen.constant)}: the same in every row")
        if len(seen.zero) < half.stored.rows and len(seen.constant) < len(names):
            self._same.setdefault((half.file, half.stored.rows, seen.crc32), []).append(half)
        expected = self.checksums.halves.get((half.game, half.half, half.file))
        if expected is not None and expected != seen.crc32:
            problem("checksum", f"CRC-32 {seen.crc32:08x}, written with {expected:08x}")
        if UNRECTIFIED in names and len(names) > 1:
            place = place_of_block(seen.negative, self._widths(half.file), names.index(UNRECTIFIED))
            self.undecided += place is None
            if place is not None and place != names.index(UNRECTIFIED):
                problem("order", f"{UNRECTIFIED} seems to be block {place + 1}, not {names.index(UNRECTIFIED) + 1}")

    def _check_copies(self) -> None:
        """No half holds what another one holds."""
        for halves in self._same.values():
            first, *others = sorted(halves, key=lambda half: (half.split, half.game, half.half))
            for half in others:
                said = f"the same values as half {first.half} of {first.split}, {first.game}"
                self._problem("copy", said, **half.place)

    def _widths(self, file: str) -> list[int]:
        return [block.width for block in self.files[file].values()]

    def _length_s(self, half: _Half) -> float:
        return half.stored.rows / self._fps(half.file)

    def _fps(self, file: str) -> int:
        return next(block.fps for block in self.files[file].values())

    def _problem(
        self, check: str, problem: str, *, split: str = "", game: str = "", half: int | None = None, file: str = ""
    ) -> None:
        self.report.problems.append(Problem(check, split, game, half, file, problem))
