"""Downloads released features and labels from the Hugging Face hub, at a pinned revision, and resumes.

Files that are complete, in either layout, are never fetched again. Damaged ones are set aside first. The labels of the
challenge are private and are not asked for; its replays without links are in the official development kit alone.

Source: the repositories and branches that the SoccerNet package (0.2.0) names.

Conventions
    revision  the commit that a branch had at the first download into a folder. It is kept in `revisions.json` there, so
              that a later download into the same folder cannot mix two versions of the data
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from soccerbench.errors import InputError, counted, did_you_mean, os_error
from soccerbench.features.hub import client, hub_error
from soccerbench.features.store import HALVES
from soccerbench.files import write_json
from soccerbench.soccernet.archive import parse_json
from soccerbench.soccernet.games import SPLITS, Layout, official_games


class Branch(NamedTuple):
    """Where the hub has a file of each game."""

    repository: str  # of a dataset on the hub
    name: str  # of the branch
    file: str  # its name in a game's folder, without the half
    half_bytes: int = 0  # about how many bytes one half has: 2,750 s of float32; 0 for labels


FEATURES = {
    "baidu": Branch("SoccerNet/SN-Features", "baidu-soccer-embeddings", "baidu_soccer_embeddings.npy", 94_000_000),
    "resnet": Branch("SoccerNet/SN-Features", "resnet-tf2", "ResNET_TF2.npy", 45_000_000),
    "resnet-pca512": Branch("SoccerNet/SN-Features", "resnet-tf2-pca512", "ResNET_TF2_PCA512.npy", 11_000_000),
}
LABELS = {
    "v2": Branch("SoccerNet/SN-Labels", "main", "Labels-v2.json"),
    "cameras": Branch("SoccerNet/SN-Labels", "main", "Labels-cameras.json"),
}
REVISIONS = "revisions.json"
CHALLENGE_REPLAYS = (
    "challenge: its labels are private. Replays without links (Labels-replays.json, for grounding) are in the official "
    "development kit, github.com/SilvioGiancola/SoccerNetv2-DevKit; put each into its game's folder."
)
USUAL_MBIT_S = 100
RESUME = "run the same command again: complete files are kept"


class Wanted(NamedTuple):
    """One file of one game."""

    branch: Branch
    game: str
    name: str


def download(
    root: Path,
    *,
    features: Sequence[str],
    labels: Sequence[str] = ("v2", "cameras"),
    splits: Sequence[str] = SPLITS,
    games: Sequence[str] = (),
    say: Callable[[str], None],
) -> None:
    """Fetch features and labels in the official layout.

    Args:
        games: the folders of some games in these splits; all games if not given.

    Raises:
        InputError: no network, no access, too small a disk, or files that were not downloaded.
        ValueError: an unknown name.
    """
    _check_names(features, labels, splits, games)
    asked = {split: _files(split, features, labels, games) for split in splits}
    layout = Layout(root)

    def path(file: Wanted) -> Path:
        return root / layout.place(file.game, file.name)

    for place in (path(file) for files in asked.values() for file in files):
        if place.is_file() and not _is_whole(place):
            place.replace(place.with_name(f"{place.name}.damaged"))
            say(f"{place}: damaged; set aside as {place.name}.damaged, to be fetched again")
    missing = {split: [file for file in files if not path(file).is_file()] for split, files in asked.items()}
    whole = [file for files in missing.values() for file in files]
    _check_room(root, whole)
    if "challenge" in splits and "cameras" in labels:
        say(CHALLENGE_REPLAYS)
    for repository in sorted({file.branch.repository for file in whole}):
        page = f"{client().constants.ENDPOINT}/datasets/{repository}"
        say(f"{repository}: licence and terms of use at {page}; downloading accepts them. Videos are not part of it.")
    if len(splits) > 1 and whole:
        say(f"in all: {counted(len(whole), 'file')} to fetch, {_size(whole)}")
    for split, files in missing.items():
        if not files:
            say(f"{split}: complete")
            continue
        names = ", ".join(sorted({file.name for file in files}))
        say(f"{split}: {counted(len(files), 'file')} to fetch, {_size(files)} ({names})")
        _fetch(root, files)
        absent = [place for place in map(path, files) if not place.is_file()]
        if absent:
            others = len(absent) - 1
            more = f", like {counted(others, 'other file')} of split {split}" if others else ""
            raise InputError(absent[0], f"was not downloaded{more}", f"check the network, and {RESUME}")


def _check_names(features: Sequence[str], labels: Sequence[str], splits: Sequence[str], games: Sequence[str]) -> None:
    for kind, names, known in (("features", features, FEATURES), ("labels", labels, LABELS)):
        unknown = [name for name in names if name not in known]
        if unknown:
            near = did_you_mean(unknown[0], known)
            raise ValueError(f"unknown {kind} {unknown[0]!r}{near}; known: {', '.join(known)}")
    official = [game for split in splits for game in official_games(split)]
    for game in games:
        if game not in official:
            raise ValueError(f"no game {game!r}{did_you_mean(game, official)} in {', '.join(splits)}")


def _files(split: str, features: Sequence[str], labels: Sequence[str], games: Sequence[str]) -> list[Wanted]:
    """The files of a split, or of some of its games."""
    names = [(FEATURES[name], f"{half}_{FEATURES[name].file}") for name in features for half in HALVES]
    names += [] if split == "challenge" else [(LABELS[name], LABELS[name].file) for name in labels]
    chosen = [game for game in official_games(split) if not games or game in games]
    return [Wanted(branch, game, name) for game in chosen for branch, name in names]


def _is_whole(file: Path) -> bool:
    """Whether a file has all the rows that its header promises, or is JSON from beginning to end.

    Raises:
        OSError: it cannot be read, so that nothing is known about its content.
    """
    try:
        if file.suffix == ".json":
            parse_json(file.read_bytes(), file)
        else:
            np.load(file, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, OverflowError, SyntaxError, TypeError):
        return False
    return True


def _check_room(root: Path, files: Sequence[Wanted]) -> None:
    """Refuse a download that is larger than the free disk space."""
    needed = sum(file.branch.half_bytes for file in files)
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
    except OSError as error:
        raise os_error(root, error, doing="written", remedy="choose another folder") from None
    if needed > free:
        problem = f"needs about {needed / 1e9:.0f} GB more, and the disk has {free / 1e9:.0f} GB free"
        raise InputError(root, problem, "choose a larger disk")


def _size(files: Sequence[Wanted]) -> str:
    """About how large some files are in all, and how long they take at a usual speed."""
    nbytes = sum(file.branch.half_bytes for file in files)
    if not nbytes:
        return f"less than {max(1, len(files) // 2)} MB"
    minutes = nbytes * 8 / (USUAL_MBIT_S * 1e6) / 60
    time = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{max(1, round(minutes))} min"
    return f"about {nbytes / 1e9:.3g} GB, {time} at {USUAL_MBIT_S} Mbit/s"


def _fetch(root: Path, files: Sequence[Wanted]) -> None:
    """Fetch files, those of one branch together: the hub limits how many requests it answers."""
    hub = client()
    branches = dict.fromkeys((file.branch.repository, file.branch.name) for file in files)
    for repository, name in branches:
        patterns = [f"{file.game}/{file.name}" for file in files if file.branch[:2] == (repository, name)]
        try:
            hub.snapshot_download(
                repository,
                repo_type="dataset",
                revision=_revision(root, hub, repository, name),
                local_dir=root,
                allow_patterns=patterns,
            )
        except InputError:
            raise
        except Exception as error:  # whatever the client raises
            page = f"{hub.constants.ENDPOINT}/datasets/{repository}"
            raise hub_error(root, error, page=page, doing="download", again=RESUME) from None


def _revision(root: Path, hub: Any, repository: str, branch: str) -> str:
    """The commit to download, the same for one folder each time."""
    file, key = root / REVISIONS, f"{repository}@{branch}"
    revisions = parse_json(file.read_bytes(), file) if file.exists() else {}
    if not isinstance(revisions, dict) or not isinstance(revisions.get(key, ""), str):
        raise InputError(file, "not a JSON object of commits", "restore it, or remove it to take the newest data")
    if key not in revisions:
        revisions[key] = str(hub.HfApi().dataset_info(repository, revision=branch).sha)
        write_json(file, revisions)
    return str(revisions[key])
