"""Downloads released features and labels through the SoccerNet package, and goes on where it was stopped.

Files that are complete are never fetched again; the package's own client goes on with those that are not. The labels
of the challenge are private and are not asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from soccerbench.data.errors import InputError
from soccerbench.data.features import HALVES
from soccerbench.data.games import official_games

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
    names = [f"{half}_{FEATURES[name]}" for name in features for half in HALVES]
    names += [] if split == "challenge" else [LABELS[name] for name in labels]
    return [path for game in official_games(split) for name in names if not (path := root / game / name).is_file()]


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
    except PermissionError as error:
        remedy = "ask for access on the page named there, log in with `huggingface-cli login`, and try again"
        raise InputError(root, f"access was refused ({error})", remedy) from None
    except Exception as error:  # whatever the client raises: no network, a connection that broke, a full disk
        problem = f"the download stopped ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        raise InputError(root, problem, f"check network and disk, and {GO_ON}") from None


def _downloader(root: Path) -> Any:
    """The package's downloader: its import takes seconds and much else with it."""
    from SoccerNet.Downloader import SoccerNetDownloader

    return SoccerNetDownloader(LocalDirectory=str(root))
