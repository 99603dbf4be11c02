"""The halves that a root holds videos of, and what speaks against some of them before any is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.features.store import HALVES
from soccerbench.files import walked
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import GameTree, Layout, split_games
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.video.decoding.clips import row_count
from soccerbench.video.decoding.half_file import half_video, videos_of
from soccerbench.video.decoding.video import Video, check_duration, probe

SAMPLES, SAMPLE_BYTES = 16, 2**16


@dataclass(frozen=True)
class Half:
    """One half: its game's folder below the root, 1 or 2, and its video."""

    game: str
    half: int
    video: Video

    @property
    def rows(self) -> int:
        """Rows of its features."""
        return row_count(self.video.duration_s)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.game}, half {self.half}"


@dataclass(frozen=True)
class Halves:
    """The halves to extract, those that cannot be (game, half, why), and doubts about the others."""

    good: tuple[Half, ...]
    bad: tuple[tuple[str, int, str], ...]
    doubts: tuple[str, ...]


def find_games(root: Path, *, games: Sequence[str] = (), split: str | None = None) -> list[str]:
    """Folders of games below `root`: those named, those of a split, or every one that holds a half's video.

    Raises:
        InputError: no such root, a game that it does not have, or none at all.
        ValueError: no such split.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "give the folder that holds the games")
    layout = Layout(root)
    for game in games:
        if ".." in Path(game).parts or Path(game).is_absolute():
            raise InputError(root / game, "leaves the root", "name games by their folder below the root")
        if not (root / layout.folder(game)).is_dir():
            raise InputError(root / game, "no such folder", "name games by their folder below the root")
    if games:
        return [layout.folder(game) for game in games]
    if split is not None:
        folders = [layout.folder(game) for game in split_games(GameTree(root), split)]
        found = [folder for folder in folders if (root / folder).is_dir()]
    else:
        below = sorted(folder for folder, _ in walked(root))
        found = [path.relative_to(root).as_posix() for path in below if any(videos_of(path, h) for h in HALVES)]
    if not found:
        of_split = "" if split is None else f" of split {split}"
        raise InputError(root, f"holds no game{of_split}", "put 1_224p.mkv and 2_224p.mkv into each game's folder")
    return found


def find_halves(root: Path, games: Sequence[str]) -> Halves:
    """Look at both videos of each game and at its labels where it has any; see `video.probe`."""
    good, bad, doubts = [], [], []
    for game in games:
        for number in HALVES:
            try:
                half = Half(game, number, probe(half_video(root / game, number)))
            except InputError as error:
                bad.append((game, number, str(error)))
                continue
            good.append(half)
            doubts += _doubts(root, half)
    return Halves(tuple(good), tuple(bad), tuple(doubts))


def half_fingerprint(video: Video) -> str:
    """The fingerprint of a file, and which stretch of it is the half where it is not the whole."""
    stretch = f", {video.start_s:g} s for {video.duration_s:g} s" if video.start_s else ""
    return fingerprint(video.path) + stretch


def fingerprint(path: Path) -> str:
    """Sixteen hex digits over a video's size and sixteen pieces of it, from its first bytes to its last."""
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with path.open("rb") as stream:
        for number in range(SAMPLES):
            stream.seek(max(0, size - SAMPLE_BYTES) * number // (SAMPLES - 1))
            digest.update(stream.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def _doubts(root: Path, half: Half) -> list[str]:
    doubts = [f"{half.video.path}: {note}" for note in half.video.notes]
    try:
        labels = read_spotting_labels(Tree(root / half.game), ".", strict=False)
    except InputError as error:
        return doubts + ([str(error)] if (root / half.game / SPOTTING_LABELS).exists() else [])
    doubt = check_duration(half.video, labels, half.half)
    return doubts + ([doubt] if doubt else [])
