"""Writes the embedded dataset, and keeps one copy of it in the user's cache folder.

`mini.json` in it holds what it was made from and the checksum of every file; a folder is complete when these agree.
Packed, its features are written directly to the pack, never as files, and their checksums are in the pack's index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import orjson

from soccerbench.features.pack_writer import Half, PackWriter, Plan
from soccerbench.files import write_json
from soccerbench.progress import Progress, silent
from soccerbench.simulation.matches.annotated import annotated_games
from soccerbench.simulation.matches.feature_blocks import FILES, RELEASED_FILES, Block, features, look, width
from soccerbench.simulation.matches.scene import scenes
from soccerbench.simulation.matches.season import SCENE_STREAM, Game, played_games
from soccerbench.simulation.root import SPLITS, check_season, describe, each_game, made_once
from soccerbench.specs.features import Block as NamedBlock
from soccerbench.specs.features import load_features

Scale = Literal["mini", "release"]
MANIFEST = "mini.json"
GENERATOR = "3"  # its version: another one where the same seed gives other bytes
VERSION = 2  # of mini: another one where its parameters differ; records of two versions do not compare
DEFAULT_SEED, DEFAULT_GAMES = 0, 34
MAX_WORKERS = 16


def write_mini(
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    games: int = DEFAULT_GAMES,
    scale: Scale = "mini",
    labels: Path | None = None,
    packed: bool = False,
    files: Sequence[str] | None = None,
    progress: Progress = silent,
) -> None:
    """Write a simulated dataset in the official layout.

    Args:
        out: a folder that does not exist or is empty, or that already holds this very dataset.
        scale: `mini` has few channels and every block; `release` has the released files at their real width.
        labels: a folder or zip of real annotations; then only features and unknown replays are simulated.
        packed: as a packed root of float16.
        files: the feature files to simulate; all of the scale if not given.

    Raises:
        InputError: `out` holds something else or cannot be written, or `labels` cannot be used.
        ValueError: an invalid seed, number of games or scale.
    """
    recipe = _recipe(seed, games, scale)
    out = out.resolve()
    real = None if labels is None else annotated_games(labels, seed=seed, games=games)
    if real is not None:
        recipe["labels"] = _fingerprint(real)
    recipe |= {"packed": "float16"} if packed else {}
    recipe |= {"files": list(files)} if files is not None else {}

    def write(folder: Path) -> None:
        _write_all(folder, real or played_games(seed, games), recipe, progress)

    made_once(out, lambda: is_complete(out, recipe), write, what="dataset")


def cached_mini(progress: Progress = silent) -> Path:
    """The default dataset in the user's cache folder, made on first use, by one process if two want it at once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soccerbench"
    recipe = _recipe(DEFAULT_SEED, DEFAULT_GAMES, "mini")
    out = cache / f"mini-{GENERATOR}-{DEFAULT_SEED}-{DEFAULT_GAMES}-numpy{np.__version__}"

    def write(folder: Path) -> None:
        _write_all(folder, played_games(DEFAULT_SEED, DEFAULT_GAMES), recipe, progress)

    if not is_complete(out, recipe):  # without a lease: the folder may be read-only
        made_once(out, lambda: is_complete(out, recipe), write, what="dataset", replace=True)
    return out


def _recipe(seed: int, games: int, scale: str) -> dict[str, Any]:
    """Everything that determines the bytes of a dataset, except the processor."""
    check_season(seed, games)
    if scale not in ("mini", "release"):
        raise ValueError(f"unknown scale {scale!r}; the scales are mini and release")
    numpy = np.__version__
    return {"version": VERSION, "generator": GENERATOR, "seed": seed, "games": games, "scale": scale, "numpy": numpy}


def _fingerprint(games: list[Game]) -> int:
    """CRC-32 of all annotations."""
    checksum = 0
    for game in games:
        said = repr((game.path, game.split, game.match, game.shots)).encode()
        checksum = crc32(b"".join([said, *game.label_files.values()]), checksum)
    return checksum


def is_complete(out: Path, recipe: dict[str, Any]) -> bool:
    """Whether a folder holds every byte of the dataset that the recipe describes."""
    try:
        manifest = orjson.loads((out / MANIFEST).read_bytes())
        return bool(manifest["recipe"] == recipe) and all(
            crc32((out / name).read_bytes()) == checksum for name, checksum in manifest["files"].items()
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _write_all(folder: Path, games: list[Game], recipe: dict[str, Any], progress: Progress) -> None:
    scale = recipe["scale"]
    of_scale = FILES if scale == "mini" else RELEASED_FILES
    files = {name: blocks for name, blocks in of_scale.items() if name in recipe.get("files", of_scale)}
    described = {
        block.name: {"file": name, "width": width(block, scale), "fps": block.fps}
        for name, blocks in files.items()
        for block in blocks
    }
    writer = PackWriter(folder, _plan(games, described)) if "packed" in recipe else None
    each_game(games, lambda game: _write_game(folder, game, files, recipe, writer), MAX_WORKERS, progress)
    if writer is not None:
        writer.finish()
    describe(folder, games, {key: recipe[key] for key in ("generator", "seed", "scale")}, described)
    present = sorted(path for path in folder.rglob("*") if path.is_file() and (writer is None or path.suffix != ".npy"))
    checksums = {path.relative_to(folder).as_posix(): crc32(path.read_bytes()) for path in present}
    write_json(folder / MANIFEST, {"recipe": recipe, "files": checksums})


def _write_game(
    folder: Path, game: Game, files: dict[str, tuple[Block, ...]], recipe: dict[str, Any], writer: PackWriter | None
) -> None:
    """One game's labels and features; each from the seed and the game's index alone."""
    place = folder / game.path
    place.mkdir(parents=True)
    for name, data in game.label_files.items():
        (place / name).write_bytes(data)
    scale, seed = recipe["scale"], recipe["seed"]
    rng = np.random.default_rng([seed, game.index, 0, SCENE_STREAM])
    for half, scene in zip((1, 2), scenes(game.match, game.shots, rng), strict=True):
        length_s = game.match.lengths_s[half - 1]
        latents = {fps: look(scene, length_s=length_s, fps=fps) for fps in (1, 2)}
        for name, blocks in files.items():
            latent = latents[blocks[0].fps]
            pieces = features(blocks, latent, split=game.split, scale=scale, key=(seed, game.index, half))
            if writer is not None:
                writer.write(Half(game.split, name, game.path, half), pieces)
            else:
                channels = sum(width(block, scale) for block in blocks)
                _write_npy(place / f"{half}_{name}", (len(latent), channels), pieces)


def _plan(games: list[Game], described: dict[str, dict[str, Any]]) -> Plan:
    """What the packed files of a dataset hold."""
    known = load_features().blocks
    blocks = {
        name: NamedBlock.model_validate(block.model_dump() | described[name])
        for name, block in known.items()
        if name in described
    }
    rows = {
        Half(split, file, game.path, half): game.match.lengths_s[half - 1] * fps
        for split in SPLITS
        for file, fps in {block.file: block.fps for block in blocks.values()}.items()
        for game in games
        if game.split == split
        for half in (1, 2)
    }
    return Plan("float16", blocks, rows, f"simulated by generator {GENERATOR}")


def _write_npy(path: Path, shape: tuple[int, int], pieces: Iterator[np.ndarray[Any, Any]]) -> None:
    """Write a float32 array piece by piece: no more than one piece is in memory."""
    with path.open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for piece in pieces:
            stream.write(piece.astype("<f4", copy=False).tobytes())
