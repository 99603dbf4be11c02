"""Where the shipped specs and records lie, in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """The folder `reproduce` or `results`: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def is_checkout() -> bool:
    """Whether the package runs from the repository, whose shipped records may be made anew."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def table_file(name: str) -> Path:
    """The YAML file of a table: a path of the user's own, or a shipped one by its name."""
    return Path(name) if name.endswith((".yaml", ".yml")) else shipped("reproduce") / f"{name}.yaml"
