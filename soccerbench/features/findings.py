"""What verifying a root found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


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
