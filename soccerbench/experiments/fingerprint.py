"""What a result depends on besides its spec: the package's code, the data, the machine."""

from __future__ import annotations

import ast
import hashlib
import io
import platform
import resource
import sys
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.simulation.matches.feature_blocks import FILES, width
from soccerbench.soccernet.archive import Tree
from soccerbench.specs.shipped import PACKAGE

MAKE_NO_NUMBERS = frozenset(
    ["soccerbench"]
    + [
        f"soccerbench.{name}"
        for name in (
            "errors", "files", "lease", "processes", "progress", "plugins", "torch_files", "scoring.schema",
            "specs.heads", "specs.load", "training.checkpoint", "training.history", "training.loggers",
            "experiments.fingerprint", "experiments.pipeline", "experiments.results", "experiments.run_folder",
        )
    ]
)  # fmt: skip
ROWS_PER_FILE = 8
SHAPES = [
    {block.name: (block.fps, width(block, scale)) for blocks in FILES.values() for block in blocks}
    for scale in ("release", "mini")
]


class Source(NamedTuple):
    """A module of this package."""

    text: bytes  # without comments, docstrings and blank lines
    imports: frozenset[str]  # the modules of this package that it imports, anywhere in it


def code_hash(*modules: str, plugin: Path | None = None) -> str:
    """Sixteen hex digits over modules, all that they import from this package, and a plugin.

    Comments, docstrings and blank lines do not count, nor do modules that make no numbers.

    Args:
        plugin: a user's own file.
    """
    digest = hashlib.sha256()
    for module in sorted(imported(modules)):
        digest.update(f"{module}\0".encode() + read_source(module, PACKAGE).text + b"\0")
    if plugin is not None:
        digest.update(plugin.read_bytes())
    return digest.hexdigest()[:16]


def imported(modules: Iterable[str]) -> set[str]:
    """Modules of this package that make numbers, and all of those that they import, directly or not."""
    found: set[str] = set()
    left = list(modules)
    while left:
        module = left.pop()
        if module not in found | MAKE_NO_NUMBERS:
            found.add(module)
            left += read_source(module, PACKAGE).imports
    return found


@cache
def read_source(module: str, package: Path) -> Source:
    """The source of a module of the package."""
    text = _file_of(module, package).read_text("utf-8")
    tree = ast.parse(text)
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if _file_of(name, package).exists()}
            imports |= modules | ({str(node.module)} if modules != names else set())
    return Source(_without_comments(text, tree).encode(), frozenset(imports))


def _file_of(module: str, package: Path) -> Path:
    path = package.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _without_comments(text: str, tree: ast.Module) -> str:
    """Python source without comments, docstrings and blank lines; the same under every version of Python."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            lines[first.lineno - 1 : first.end_lineno] = [""] * ((first.end_lineno or 0) - first.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def data_fingerprint(
    tree: Tree, store: FeatureStore | None, games: Mapping[str, Sequence[str]], labels: Iterable[str]
) -> str:
    """Sixteen hex digits over what a row reads: its games, their label files, and a sample of each feature file.

    Rates and widths of blocks count too where they are neither the release's nor mini's.

    Args:
        store: the row's features; None for a row that reads none.
        labels: names of label files in a game's folder; those that a game has are hashed whole.
    """
    digest = hashlib.sha256()
    names = tuple(labels)
    for split, members in games.items():
        for game in members:
            digest.update(f"{split}\0{game}\0".encode())
            for name in names:
                if f"{game}/{name}" in tree:
                    digest.update(tree.read(f"{game}/{name}"))
            if store is None:
                continue
            for half in HALVES:
                digest.update(store.length(game, half).to_bytes(8, "little"))
                for rows in store.sample(game, half, ROWS_PER_FILE):
                    digest.update(rows)
    if store is not None:
        shape = {name: (store.fps, wide) for name, wide in zip(store.blocks, store.widths, strict=True)}
        if not any(shape.items() <= usual.items() for usual in SHAPES):
            digest.update(repr(shape).encode())
    return digest.hexdigest()[:16]


def joint_hash(hashes: Sequence[str]) -> str:
    """Sixteen hex digits over several hashes; a single one stays as it is."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\0".join(hashes).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Versions of what the numbers come from."""
    packages = ("soccerbench", "torch", "numpy")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def peak_memory_bytes() -> int:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    reported = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
    if reported:  # on Linux, getrusage starts with the peak of the parent process
        return 1024 * int(reported[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
