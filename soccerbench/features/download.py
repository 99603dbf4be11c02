"""Downloads released features and labels through the SoccerNet package, and goes on where it was stopped.

Files that are complete, in either layout, are never fetched again; those that are missing are left to the package's own
client, and those that are damaged are set aside first. The labels of the challenge are private and are not asked for.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soccerbench.errors import InputError
from soccerbench.features.store import HALVES
from soccerbench.soccernet.archive import parse_json
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.layouts import Layout

FEATURES = {
    "baidu": "baidu_soccer_embeddings.npy",
    "resnet": "ResNET_TF2.npy",
    "resnet-pca512": "ResNET_TF2_PCA512.npy",
}
LABELS = {"v2": "Labels-v2.json", "cameras": "Labels-cameras.json"}
HALF_BYTES = {"baidu": 94_000_000, "resnet": 45_000_000, "resnet-pca512": 11_000_000}  # about: 2,750 s of float32
GO_ON = "run the same command again: what is complete is kept"


def download(
    root: Path,
    *,
    features: Sequence[str],
    labels: Sequence[str] = ("v2", "cameras"),
    splits: Sequence[str] = ("train", "valid", "test", "challenge"),
    say: Callable[[str], None],
) -> None:
    """Fetch features and labels in the official layout.

    Args:
        root: a new folder, or one that holds a part of them.
        features: names from FEATURES.
        labels: names from LABELS.
        splits: of which games.
        say: told what is fetched.

    Raises:
        InputError: no network, no access, too small a disk, or files that did not come.
        ValueError: an unknown name.
    """
    for kind, names, known in (("features", features, FEATURES), ("labels", labels, LABELS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"unknown {kind} {unknown[0]!r}; known: {', '.join(known)}")
    for file in (file for split in splits for file in _files(root, split, features, labels)):
        if file.is_file() and not _is_whole(file):
            file.replace(file.with_name(f"{file.name}.damaged"))
            say(f"{file}: damaged; set aside as {file.name}.damaged, to be fetched again")
    wanted = {split: _missing(root, split, features, labels) for split in splits}
    _check_room(root, features, wanted)
    for split, missing in wanted.items():
        if not missing:
            say(f"{split}: complete")
            continue
        files = sorted({path.name for path in missing})
        say(f"{split}: {len(missing)} files to fetch ({', '.join(files)})")
        _fetch(root, split, files)
        missing = _missing(root, split, features, labels)
        if missing:
            problem = f"did not come, nor did {len(missing) - 1} other files of split {split}"
            raise InputError(missing[0], problem, f"check the network, and {GO_ON}")


def _missing(root: Path, split: str, features: Sequence[str], labels: Sequence[str]) -> list[Path]:
    """The files of a split that are not there yet."""
    return [file for file in _files(root, split, features, labels) if not file.is_file()]


def _files(root: Path, split: str, features: Sequence[str], labels: Sequence[str]) -> list[Path]:
    """Where the files of a split are or should be."""
    layout = Layout(root)
    names = [f"{half}_{FEATURES[name]}" for name in features for half in HALVES]
    names += [] if split == "challenge" else [LABELS[name] for name in labels]
    return [root / layout.place(game, name) for game in official_games(split) for name in names]


def _is_whole(file: Path) -> bool:
    """Whether a file has all the rows that its header promises, or is JSON from beginning to end.

    Raises:
        OSError: it cannot be read, which says nothing about what it holds.
    """
    try:
        if file.suffix == ".json":
            parse_json(file.read_bytes(), file)
        else:
            np.load(file, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, OverflowError, SyntaxError, TypeError):
        return False
    return True


def _check_room(root: Path, features: Sequence[str], wanted: dict[str, list[Path]]) -> None:
    """Refuse to begin what the disk has no room for."""
    names = [path.name for missing in wanted.values() for path in missing]
    needed = sum(HALF_BYTES[name] * sum(file[2:] == FEATURES[name] for file in names) for name in features)
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
    except OSError as error:
        raise InputError(root, f"cannot be written ({error.strerror or error})", "choose another folder") from None
    if needed > free:
        problem = f"needs about {needed / 1e9:.0f} GB more, and the disk has {free / 1e9:.0f} GB free"
        raise InputError(root, problem, "choose a larger disk")


def _fetch(root: Path, split: str, files: Sequence[str]) -> None:
    try:
        _downloader(root).downloadGames(files=list(files), split=[split], verbose=False)
    except Exception as error:  # whatever the client raises: no network, a connection that broke, a full disk
        if isinstance(error, PermissionError) and error.errno is None and _status(error) < 500:
            pages = re.findall(r"https?://\S*/datasets/\S+", str(error))  # the rest of the text is long and out of date
            remedy = f"ask for access{f' at {pages[-1]}' if pages else ''}, log in with `hf auth login`, and try again"
            raise InputError(root, "access was refused", remedy) from None
        problem = f"the download stopped ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        raise InputError(root, problem, f"check network and disk, and {GO_ON}") from None


def _status(error: Exception) -> int:
    """The HTTP status that an error of the client comes from; 0 where it does not tell."""
    return int(getattr(getattr(error.__cause__, "response", None), "status_code", 0))


def _downloader(root: Path) -> Any:
    """The package's downloader: its import takes seconds and much else with it."""
    from SoccerNet.Downloader import SoccerNetDownloader

    return SoccerNetDownloader(LocalDirectory=str(root))
