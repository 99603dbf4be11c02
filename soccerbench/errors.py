"""The two errors that user input may cause, each one line, and what any error says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class InputError(ValueError):
    """Input that cannot be used: file, place in it, what is wrong and how to fix it, in one line.

    Args:
        path: the file or folder at fault.
        problem: what is wrong there, beginning with the place inside the file where there is one.
        remedy: what to do about it.
    """

    def __init__(self, path: Path | str, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = Path(path), problem, remedy
        super().__init__(" ".join(f"{path}: {problem}; {remedy}".split()))


class SpecError(ValueError):
    """A spec that cannot be used: names file, row and key, and what is wrong, in one line."""

    def __init__(self, place: object, problem: str) -> None:
        super().__init__(" ".join(f"{place}: {problem}".split()))


def line_of(error: Exception) -> str:
    """What an error says; for one of the system's, its file and its cause."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def first_error(error: ValidationError) -> str:
    """The first of the errors in plain words, with its key, and how many more there are; unknown keys come first.

    A misspelt key is also a missing one, and the misspelt name helps more.
    """
    errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in errors[0]["loc"])
    message = str(errors[0]["msg"]).removeprefix("Value error, ")
    message = message.replace("Extra inputs are not permitted", "unknown key")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{key}: {message}{more}" if key else f"{message}{more}"
