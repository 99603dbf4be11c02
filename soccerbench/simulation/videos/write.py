"""Writes the simulated video root: a folder a game, with two video files and its annotations.

It is made in a temporary folder next to its final one and renamed when it is complete; `videos.json` in it says
what it was made from. Byte-identical for one seed, one version of numpy and PyAV, and one processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import orjson

from soccerbench.errors import InputError
from soccerbench.files import folder_next_to, write_json
from soccerbench.lease import only_writer
from soccerbench.progress import Progress, silent
from soccerbench.simulation.matches.label_files import event_entry
from soccerbench.simulation.matches.season import SPLITS, each_game
from soccerbench.simulation.videos.motions import phases
from soccerbench.simulation.videos.pictures import FPS, HEIGHT, WIDTH, Pictures, draw_shot
from soccerbench.simulation.videos.script import HALVES, Game, season
from soccerbench.soccernet.labels import SPOTTING_LABELS

RECIPE = "videos.json"
GENERATOR = "videos-1"  # another one where the same seed gives other bytes
DEFAULT_GAMES, DEFAULT_MINUTES = 24, 5.0
SHOT_STREAM = 1
QUANTISER = 3  # of the encoder, 1 to 31: fine enough that no picture carries traces of those before it
KEYFRAME_S = 1
MAX_WORKERS = 4


def write_videos(
    out: Path,
    *,
    seed: int = 0,
    games: int = DEFAULT_GAMES,
    minutes: float = DEFAULT_MINUTES,
    progress: Progress = silent,
) -> None:
    """Write a simulated root of videos in the official layout.

    Args:
        out: a folder that does not exist or is empty, or that already holds this very root.
    """
    planned = season(games, minutes, seed)
    recipe = {"generator": GENERATOR, "seed": seed, "games": games, "minutes": minutes,
              "numpy": np.__version__, "av": av.__version__}  # fmt: skip
    out = out.resolve()
    with only_writer(out):
        if _recipe_of(out) == recipe:
            return
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(out, "exists and is not this root", "name an empty or a new folder")
        with folder_next_to(out) as folder:
            _write_all(folder, planned, recipe, progress)
            if out.exists():
                out.rmdir()
            folder.rename(out)


def _recipe_of(out: Path) -> Any:
    try:
        return orjson.loads((out / RECIPE).read_bytes())
    except (OSError, ValueError):
        return None


def _write_all(folder: Path, games: list[Game], recipe: dict[str, Any], progress: Progress) -> None:
    each_game(games, lambda game: _write_game(folder / game.path, game, recipe["seed"]), MAX_WORKERS, progress)
    splits = {split: [game.path for game in games if game.split == split] for split in SPLITS}
    write_json(folder / "splits.json", splits)
    simulated = {key: recipe[key] for key in ("generator", "seed")}
    write_json(folder / "features.json", {"simulated": simulated, "blocks": {}})
    write_json(folder / RECIPE, recipe)


def _write_game(folder: Path, game: Game, seed: int) -> None:
    folder.mkdir(parents=True)
    for half in HALVES:
        encode(folder / f"{half}.mkv", half_pictures(game, half, seed))
    annotations = [event_entry(event) for event in game.events]
    write_json(folder / SPOTTING_LABELS, {"UrlLocal": f"{game.path}/", "annotations": annotations})


def half_pictures(game: Game, half: int, seed: int) -> Iterator[Pictures]:
    """The shots of a half, each (T, HEIGHT, WIDTH, 3) RGB."""
    for index, shot in enumerate(game.halves[half - 1]):
        rng = np.random.default_rng([seed, game.index, half, index, SHOT_STREAM])
        yield draw_shot(phases(shot.label, shot.event_frame, shot.frames, FPS, rng), rng)


def encode(path: Path, shots: Iterator[Pictures]) -> None:
    """Write shots one after the other as MPEG-4 in Matroska, without dates or random numbers."""
    with av.open(path, "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        codec = stream.codec_context
        codec.thread_count, codec.gop_size = 1, KEYFRAME_S * FPS
        codec.qmin = codec.qmax = QUANTISER
        codec.flags |= av.codec.context.Flags.bitexact
        for pictures in shots:
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode(None))
