"""The one error that user input may cause below the specs."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """Input that cannot be used: says the file, the place in it, what is wrong, and how to mend it, in one line.

    Args:
        path: the file or folder at fault.
        problem: what is wrong there, beginning with the place inside the file where there is one.
        remedy: what to do about it.
    """

    def __init__(self, path: Path | str, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = Path(path), problem, remedy
        super().__init__(" ".join(f"{path}: {problem}; {remedy}".split()))
