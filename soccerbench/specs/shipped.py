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


def table_file(name: str) -> Path:
    """The YAML file of a table: a user's path, or a shipped table by its name."""
    return Path(name) if name.endswith((".yaml", ".yml")) else shipped("reproduce") / f"{name}.yaml"
