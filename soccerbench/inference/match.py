"""The files of one match, and its features in memory.

Conventions
    inputs  a game's folder, or feature files (.npy) and videos, at most one of each a half
    half    1 or 2: a file's name that begins with it ("1.mkv", "2_vtn.npy") says which; else the order of the files
    layout  a file holds the columns of the run's training files, or those that the run reads, side by side
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.features.rows import stored_rows
from soccerbench.features.sources import PlainFiles
from soccerbench.features.store import HALVES, FeatureStore
from soccerbench.specs.features import Block, single_file
from soccerbench.training.checkpoint import Description
from soccerbench.video.decoding.half_file import CONTAINERS, videos_of

JOINED = "features.npy"


@dataclass(frozen=True)
class Match:
    """The files of one match. `find_match` makes it."""

    name: str  # for people and files
    folder: Path | None = None  # of a game; None where single files were given
    features: Mapping[int, Path] = field(default_factory=dict)  # half -> feature file, of single files
    videos: Mapping[int, Path] = field(default_factory=dict)  # half -> video


@dataclass(frozen=True, eq=False)
class Features:
    """The features of one match, float32 in memory; tasks read them as they read a `FeatureStore`."""

    halves: Mapping[int, NDArray[np.float32]]  # half -> (T, C)
    fps: int  # rows a second
    root: Path = Path()  # named in errors

    @property
    def width(self) -> int:
        """C."""
        return int(next(iter(self.halves.values())).shape[1])

    def length(self, game: str, half: int) -> int:  # noqa: ARG002
        """Rows of a half; 0 for one that is not there."""
        return len(self.halves.get(half, ()))

    def take(self, game: str, half: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:  # noqa: ARG002
        """Rows of one half."""
        return self.halves[half][rows]


def find_match(inputs: Sequence[Path]) -> Match:
    """The match that some paths are of."""
    if not inputs:
        raise ValueError("give a game's folder, feature files (.npy) or videos")
    if len(inputs) == 1 and inputs[0].is_dir():
        folder = inputs[0]
        videos = {half: found[0] for half in HALVES if (found := videos_of(folder, half))}
        return Match(folder.resolve().name, folder, videos=videos)
    files: dict[str, dict[int, Path]] = {"features": {}, "videos": {}}
    for path in inputs:
        if not path.is_file():
            raise InputError(path, "no such file", "give one game's folder, or feature files (.npy) and videos")
        kind = "features" if path.suffix == ".npy" else "videos" if path.suffix.lower() in CONTAINERS else ""
        if not kind:
            raise InputError(path, "neither features nor a video", f"give a .npy file or one of {' '.join(CONTAINERS)}")
        named = re.match(r"([12])[._]", path.name)
        half = int(named[1]) if named else len(files[kind]) + 1
        if half in files[kind] or half not in HALVES:
            raise InputError(
                path, f"another file of {kind} for half {half}", "give one a half: names begin with 1_ and 2_"
            )
        files[kind][half] = path
    first = inputs[0].resolve()
    return Match(first.parent.name if re.match(r"[12][._]", first.name) else first.stem, None, **files)


def read_features(match: Match, about: Description, names: Sequence[str], *, title: str) -> Features:
    """The features of a match that a run reads."""
    place = match.folder or next(iter(match.features.values()), Path(match.name))
    blocks, paths = _in_folder(match.folder, about, names) if match.folder else _in_files(match, about, names, title)
    halves = [half for half in HALVES if any(path.exists() for (of, _), path in paths.items() if of == half)]
    if not halves:
        files = " or ".join(sorted(path.name for (half, _), path in paths.items() if half == 1))
        problem = f"no features that {title} reads ({', '.join(names)}), such as {files or '1_….npy'}"
        raise InputError(place, problem, "run `soccerbench extract`, or give the video models with --checkpoints")
    store = FeatureStore(place.parent, names, source=_Files(place.parent, blocks, paths))
    rows = {half: np.arange(store.length(match.name, half)) for half in halves}
    return Features({half: store.take(match.name, half, rows[half]) for half in halves}, about.fps, place)


def array_features(features: Any, *, fps: float, width: int, rate: int) -> Features:
    """Arrays in memory, (T, C) of half 1 or half -> (T, C), for a run that reads `width` columns at `rate` a second."""
    if fps != rate:
        raise ValueError(f"features at {fps:g} rows a second, but the run reads {rate}; resample them")
    halves = {}
    for half, values in (features if isinstance(features, Mapping) else {1: features}).items():
        array = np.asarray(values, dtype=np.float32)
        if half not in HALVES or array.ndim != 2 or array.shape[1] != width or not len(array):
            raise ValueError(f"half {half}: features of shape {array.shape}, expected (rows, {width})")
        if not np.isfinite(array).all():
            raise ValueError(f"half {half}: a value is not finite")
        halves[half] = array
    return Features(halves, rate)


Layout = tuple[dict[str, Block], dict[tuple[int, str], Path]]


class _Files(PlainFiles):
    """Feature files of one match, wherever they are."""

    def __init__(self, root: Path, blocks: dict[str, Block], paths: Mapping[tuple[int, str], Path]) -> None:
        super().__init__(root, blocks)
        self._paths = paths

    def path(self, game: str, half: int, file: str) -> Path:  # noqa: ARG002
        return self._paths[half, file]


def _in_folder(folder: Path, about: Description, names: Sequence[str]) -> Layout:
    """As in the run's training files; a block whose file is absent in its own file, as `extract` writes it."""
    blocks = dict(about.blocks)
    for name in names:
        if not any((folder / f"{half}_{about.blocks[name].file}").exists() for half in HALVES):
            blocks[name] = about.blocks[name].model_copy(update={"file": single_file(name)})
    files = {blocks[name].file for name in names}
    return blocks, {(half, file): folder / f"{half}_{file}" for half in HALVES for file in files}


def _in_files(match: Match, about: Description, names: Sequence[str], title: str) -> Layout:
    """As in the run's training file, or the blocks that the run reads side by side: the width says which."""
    if not match.features:
        return dict(about.blocks), {}
    whole = {about.blocks[name].file for name in names}
    layouts = [dict(about.blocks)] if len(whole) == 1 else []
    layouts.append({name: about.blocks[name].model_copy(update={"file": JOINED}) for name in names})
    widths = [sum(block.width for block in blocks.values()) for blocks in layouts]
    path = next(iter(match.features.values()))
    width = stored_rows(path).width
    if width not in widths:
        expected = " or ".join(map(str, dict.fromkeys(widths)))
        problem = f"{width} columns, but {title} reads {expected} ({', '.join(names)})"
        raise InputError(path, problem, "give features of the blocks that the run was trained on")
    blocks = layouts[widths.index(width)]
    file = blocks[names[0]].file
    return blocks, {(half, file): path for half, path in match.features.items()}
