"""What a result depends on besides its spec: the package's code, the data, the machine."""

from __future__ import annotations

import hashlib
import platform
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.simulation.matches.feature_blocks import FILES, width
from soccerbench.soccernet.archive import Tree
from soccerbench.specs.shipped import PACKAGE

ROOMS_THAT_MAKE_NUMBERS = (
    "events.py", "experiments", "features", "metrics", "models", "scoring", "soccernet", "specs", "tasks", "training",
)  # fmt: skip
ROWS_PER_FILE = 8
SHAPES = [
    {block.name: (block.fps, width(block, scale)) for blocks in FILES.values() for block in blocks}
    for scale in ("release", "mini")
]


@cache
def code_hash(plugin: Path | None = None, *, rooms: tuple[str, ...] = ROOMS_THAT_MAKE_NUMBERS) -> str:
    """Sixteen hex digits over the sources that make numbers, and a plugin.

    Args:
        plugin: a user's own file.
        rooms: the package's folders and single files; without it all that stage 2's numbers come from.
    """
    digest = hashlib.sha256()
    for room in rooms:
        path = PACKAGE / room
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    if plugin is not None:
        digest.update(plugin.read_bytes())
    return digest.hexdigest()[:16]


def data_fingerprint(
    tree: Tree, store: FeatureStore | None, games: Mapping[str, Sequence[str]], labels: Iterable[str]
) -> str:
    """Sixteen hex digits over what a row reads: its games, their label files, and a sample of each feature file.

    Rates and widths of blocks count too where they are neither the release's nor mini's.

    Args:
        tree: where the labels are.
        store: the row's features; None for a row that reads none.
        games: split -> its games.
        labels: names of label files below a game; those that a game has are hashed whole.
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
    packages = ("soccerbench", "torch", "numpy", "lightning-fabric")
    return {"python": platform.python_version(), **{package: version(package) for package in packages}}


def peak_memory_bytes() -> int:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    told = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
    if told:  # what getrusage says there begins with the peak of the process that started this one
        return 1024 * int(told[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
