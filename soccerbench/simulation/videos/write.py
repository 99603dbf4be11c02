"""Writes the simulated video root: a folder a game, with two video files and its annotations.

`videos.json` in it says what it was made from. Byte-identical for one seed, version of numpy and PyAV, and processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import orjson

from soccerbench.files import write_json
from soccerbench.progress import Progress, silent
from soccerbench.simulation.matches.label_files import event_entry
from soccerbench.simulation.root import describe, each_game, made_once
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
    """Write a simulated root of videos in the official layout; `out` is new, empty, or this very root."""
    planned = season(games, minutes, seed)
    recipe = {"generator": GENERATOR, "seed": seed, "games": games, "minutes": minutes,
              "numpy": np.__version__, "av": av.__version__}  # fmt: skip
    out = out.resolve()

    def write(folder: Path) -> None:
        each_game(planned, lambda game: _write_game(folder / game.path, game, seed), MAX_WORKERS, progress)
        describe(folder, planned, {"generator": GENERATOR, "seed": seed}, {})
        write_json(folder / RECIPE, recipe)

    made_once(out, lambda: _recipe_of(out) == recipe, write, what="root")


def _recipe_of(out: Path) -> Any:
    try:
        return orjson.loads((out / RECIPE).read_bytes())
    except (OSError, ValueError):
        return None


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
