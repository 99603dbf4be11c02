"""`snippets.json`: which snippets there are, in which videos, and how they were drawn.

Nothing is cut out or encoded again: a snippet is a place in a video.

Conventions
    roots     absolute folders; every video is named relative to one of them and is below it
    halves    each game in one split, each half once, with its snippets as [centre in milliseconds of the file, label,
              ambiguous]
    counts    split -> class -> snippets, the sum of what follows: a file that was cut or changed by hand is refused
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from soccerbench import __version__
from soccerbench.errors import InputError, first_error
from soccerbench.files import write_json
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import SPLITS
from soccerbench.specs.base import Frozen
from soccerbench.video.decoding.half_file import Stretch
from soccerbench.video.finetuning.annotated_games import Games
from soccerbench.video.finetuning.snippets import SNIPPET_CLASSES, SNIPPET_S, Snippet, snippets_of_half

FILE = "snippets.json"
Counts = dict[str, dict[str, int]]


class HalfSnippets(Frozen):
    """One half's video and its snippets; `root` is an index into the manifest's roots.

    The half is the `duration_s` seconds of the file from `start_s` on, as its `video.ini` says.
    """

    root: Annotated[int, Field(ge=0)]
    game: Annotated[str, Field(min_length=1)]
    half: Annotated[int, Field(ge=1, le=2)]
    split: str
    video: str
    start_s: Annotated[float, Field(ge=0)] = 0.0
    duration_s: Annotated[float, Field(gt=0)]
    snippets: tuple[tuple[int, int, bool], ...]

    @model_validator(mode="after")
    def _is_possible(self) -> HalfSnippets:
        parts = PurePosixPath(self.video.replace("\\", "/")).parts
        if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in self.video:
            raise ValueError(f"video {self.video!r} is not below its root")
        if self.split not in SPLITS:
            raise ValueError(f"unknown split {self.split[:60]!r}")
        for centre_ms, label, _ in self.snippets:
            if not 0 <= label < len(SNIPPET_CLASSES):
                raise ValueError(f"label {label} at {centre_ms} ms: labels are 0 to {len(SNIPPET_CLASSES) - 1}")
            if not 0 <= centre_ms - 1000 * self.start_s < 1000 * self.duration_s:
                raise ValueError(f"a snippet at {centre_ms} ms of a video of {self.duration_s:g} s")
        return self


class Manifest(Frozen):
    """Snippets, the videos they are in, and what they were drawn with."""

    format: Literal[1] = 1
    versions: dict[str, str]
    seed: Annotated[int, Field(ge=0)]
    snippet_s: float = SNIPPET_S
    background_per_half: Annotated[int, Field(ge=0)]
    mega: bool
    ambiguous_left_out: bool
    classes: tuple[str, ...] = SNIPPET_CLASSES
    roots: Annotated[tuple[str, ...], Field(min_length=1)]
    counts: Counts
    halves: tuple[HalfSnippets, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Manifest:
        if self.classes != SNIPPET_CLASSES or self.snippet_s != SNIPPET_S:
            raise ValueError(f"snippets of {self.snippet_s:g} s with other classes than these {len(SNIPPET_CLASSES)}")
        split_of: dict[str, str] = {}
        for half in self.halves:
            if half.root >= len(self.roots):
                raise ValueError(f"{half.game}: root {half.root} of {len(self.roots)}")
            if split_of.setdefault(half.game, half.split) != half.split:
                raise ValueError(f"{half.game}: in {split_of[half.game]} and in {half.split}")
        if len({(half.game, half.half) for half in self.halves}) < len(self.halves):
            raise ValueError("a half is listed twice")
        if self.counts != count(self.halves):
            raise ValueError("the snippets are not as many as it says")
        return self

    @cached_property
    def snippets(self) -> tuple[Snippet, ...]:
        """All of them, by split, game, half and time."""
        return tuple(
            Snippet(half.game, half.half, centre_ms / 1000, label, half.split, video, ambiguous)
            for half, video in zip(self.halves, self.videos, strict=True)
            for centre_ms, label, ambiguous in half.snippets
        )

    @property
    def videos(self) -> tuple[Stretch, ...]:
        """The video of each half."""
        return tuple(
            Stretch(Path(self.roots[half.root], half.video), half.start_s, half.duration_s) for half in self.halves
        )


def manifest_of(
    found: Games, *, background_per_half: int, seed: int, mega: bool = False, leave_out_ambiguous: bool = False
) -> Manifest:
    """Draw the snippets of the games that were found."""
    roots = list(dict.fromkeys(str(game.root.resolve()) for game in found.games.values()))
    halves = []
    for (name, half), video in found.videos.items():
        game = found.games[name]
        drawn = snippets_of_half(
            found.labels[name], name, half, video.duration_s, background=background_per_half, seed=seed
        )
        start_ms = round(1000 * video.start_s)
        kept = [(start_ms + ms, label, odd) for ms, label, odd in drawn if not (odd and leave_out_ambiguous)]
        halves.append(
            HalfSnippets(
                root=roots.index(str(game.root.resolve())),
                game=name,
                half=half,
                split=game.split,
                video=f"{game.folder}/{video.path.name}",
                start_s=video.start_s,
                duration_s=video.duration_s,
                snippets=tuple(kept),
            )
        )
    return Manifest(
        versions={"soccerbench": __version__, "numpy": version("numpy"), "av": version("av")},
        seed=seed,
        background_per_half=background_per_half,
        mega=mega,
        ambiguous_left_out=leave_out_ambiguous,
        roots=tuple(roots),
        counts=count(halves),
        halves=tuple(halves),
    )


def count(halves: Iterable[HalfSnippets]) -> Counts:
    """How many snippets each class has in each split that has any."""
    counts: Counts = {}
    for half in halves:
        for _, label, _ in half.snippets:
            of_split = counts.setdefault(half.split, dict.fromkeys(SNIPPET_CLASSES, 0))
            of_split[SNIPPET_CLASSES[label]] += 1
    return counts


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write `manifest`, all at once or not at all."""
    write_json(path, manifest.model_dump(mode="json"))


def read_manifest(path: Path) -> Manifest:
    """Read `snippets.json`, or that of a folder."""
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise InputError(path, "no such file", "make it with `soccerbench snippets ROOT OUT`")
    document = Tree(path.parent).json(path.name)
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        raise InputError(path, first_error(error), "write it again with `soccerbench snippets`") from None
