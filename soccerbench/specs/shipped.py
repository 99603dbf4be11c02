"""Paths of the shipped specs and records, in a wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """The folder `reproduce` or `results`: inside the installed package, or next to it in a checkout."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def is_checkout() -> bool:
    """Whether the package runs from the repository, whose shipped records may be updated."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def is_file_name(name: str) -> bool:
    """Whether a table is a user's own YAML file, not the name of a shipped one."""
    return name.endswith((".yaml", ".yml"))


def table_file(name: str) -> Path:
    """The YAML file of a table: a user's path, or a shipped table by its name."""
    return Path(name) if is_file_name(name) else shipped("reproduce") / f"{name}.yaml"
