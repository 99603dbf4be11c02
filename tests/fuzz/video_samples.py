"""A small video of each container, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.video import probe

PICTURES, WIDTH, HEIGHT = 12, 64, 48


class Form(NamedTuple):
    """How a video is written."""

    suffix: str
    codec: str
    muxing: tuple[tuple[str, str], ...] = ()


FORMS = {
    "Matroska": Form("mkv", "libx264"),
    "MP4": Form("mp4", "libx264"),
    "fragmented MP4": Form("mp4", "libx264", (("movflags", "frag_keyframe+empty_moov"),)),
    "MOV": Form("mov", "mpeg4"),
    "transport stream": Form("ts", "mpeg2video"),
    "program stream": Form("mpg", "mpeg2video"),
    "AVI": Form("avi", "mpeg4"),
    "WebM": Form("webm", "libvpx-vp9"),
}


def clips(folder: Path) -> dict[str, Path]:
    """Write half a second of moving noise in each container."""
    found = {name: folder / f"{number}.{form.suffix}" for number, (name, form) in enumerate(FORMS.items())}
    for name, form in FORMS.items():
        _write(found[name], form)
    return found


def read_pictures(file: Path) -> int:
    """How many pictures extraction would take from a video, one a twentieth of a second."""
    probe(file)
    return sum(1 for _ in frames(file, fps=20, size=32, crop=False))


def _write(path: Path, form: Form) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    with av.open(str(path), "w", options=dict(form.muxing)) as container:
        stream = container.add_stream(form.codec, rate=25, options={"g": "6", "cpu-used": "8", "deadline": "realtime"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(PICTURES):
            moved = np.ascontiguousarray(np.roll(noise, number, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
