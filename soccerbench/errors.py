"""The two errors that user input may cause, each one line, and what any error says in plain words."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

T = TypeVar("T")
_REMEDIES = {
    errno.EACCES: "change its permissions or choose another path",
    errno.EPERM: "change its permissions or choose another path",
    errno.EROFS: "choose another path",
    errno.ENOTDIR: "choose another path",
    errno.EISDIR: "give a file, not a folder",
}


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


def os_problem(error: OSError, path: Path | None = None) -> str:
    """What the system refused; of a missing file, the first of its folders that does not exist.

    Args:
        error: of the system.
        path: the file or folder that was asked for, if the error does not name it.
    """
    path = path or (Path(error.filename) if isinstance(error.filename, str) else None)
    if isinstance(error, FileNotFoundError) and path is not None:
        missing = [folder for folder in reversed(path.parents) if not folder.exists()]
        return f"there is no folder {missing[0]}" if missing else "no such file or folder"
    return error.strerror or str(error)


def os_error(path: Path, error: OSError, *, remedy: str, doing: str = "read", place: str = "") -> InputError:
    """An error for a file or folder that the system refused, with a remedy that fits the cause.

    Args:
        path: the file or folder.
        error: of the system.
        remedy: for causes without a remedy, such as a full or a broken disk.
        doing: "read" or "written".
        place: in the file, ending in a colon and a space.
    """
    problem = f"{place}cannot be {doing} ({os_problem(error, path)})"
    remedies = _REMEDIES if doing == "read" else _REMEDIES | {errno.ENOENT: "choose another path"}
    return InputError(path, problem, remedies.get(error.errno or 0, remedy))


def not_written(path: Path, error: OSError) -> InputError:
    """An error for a file or folder that could not be written."""
    return os_error(path, error, doing="written", remedy="free some space or choose another folder")


def line_of(error: Exception) -> str:
    """What an error says; for one of the system's, its file and its cause."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {os_problem(error)}"
    return str(error)


def counted(count: int, one: str, many: str = "") -> str:
    """A number and its noun: "1 game", "2 games".

    Args:
        count: how many.
        one: the noun for one.
        many: the noun for any other number, if not `one` and an s.
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def grouped(problems: Iterable[T], key: Callable[[T], str]) -> list[tuple[T, int]]:
    """The first of all problems that differ in numbers and quoted names only, and how many there are, in order.

    Args:
        problems: of any kind.
        key: the text that tells their kinds apart.
    """
    groups: dict[str, list[T]] = {}
    for problem in problems:
        kind = re.sub(r"'[^']*'|[0-9]+(\.[0-9]+)?", "", key(problem))
        groups.setdefault(kind, []).append(problem)
    return [(group[0], len(group)) for group in groups.values()]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name: the nearest of the known ones, in brackets; empty if none is near."""
    near = get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def first_error(error: ValidationError, model: type[BaseModel] | None = None, *, under: str = "") -> str:
    """The first of the errors in plain words, with its key; then all missing keys, and how many more there are.

    Args:
        error: what a model refused.
        model: the model, whose nearest key is suggested for an unknown one.
        under: what comes before each key, such as "architecture.".
    """
    errors = error.errors()
    missing = [under + _dotted(one["loc"]) for one in errors if one["type"] == "missing"]
    others = sorted(
        (one for one in errors if one["type"] != "missing"), key=lambda one: one["type"] != "extra_forbidden"
    )  # unknown keys first: a misspelt key is a missing one too
    said = []
    if others:
        *path, last = others[0]["loc"] or ("",)
        message, given = str(others[0]["msg"]).removeprefix("Value error, "), repr(others[0]["input"])
        if message.startswith("Input should be") and len(given) < 40:
            message = message.replace("Input", given, 1).partition(", unable to parse")[0]
        if others[0]["type"] == "extra_forbidden":
            message = "unknown key" + (did_you_mean(last, _keys_at(model, path)) if model else "")
        key = (under + _dotted((*path, last))).rstrip(".")
        said.append(f"{key}: {message}" if key else message)
    if missing:
        said.append(f"missing {'key' if len(missing) == 1 else 'keys'}: {', '.join(missing)}")
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    return "; ".join(said) + more


def _dotted(place: Iterable[object]) -> str:
    return ".".join(map(str, place))


def _keys_at(model: type[BaseModel], path: Iterable[object]) -> set[str]:
    """The keys of all models that a place in a model may hold; list indices and names of kinds are passed over."""
    models = {model}
    for part in path:
        fields = [one.model_fields[str(part)] for one in models if str(part) in one.model_fields]
        models = {inner for field in fields for inner in _models_in(field.annotation)} or models
    return {key for one in models for key in one.model_fields}


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    """All models in a type."""
    if hasattr(annotation, "model_fields"):
        return {annotation}
    return {model for part in get_args(annotation) for model in _models_in(part)}
