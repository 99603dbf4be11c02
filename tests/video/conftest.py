"""The video models, small enough for a few milliseconds a clip, and videos whose pictures say which they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from soccerbench.specs.video_models import ExtractorRow, ExtractorTable, load_extractors
from soccerbench.video.extraction.half import Outcome
from soccerbench.video.extraction.job import Weights, load_models
from soccerbench.video.extraction.plan import plan, run
from soccerbench.video.models.base import Extractor

TINY: tuple[tuple[str, Any], ...] = (
    ("size", 32),
    ("clip.frames", 4),
    ("ircsn.backbone", "resnet14"),
    ("vtn.backbone", "vit_tiny_patch16_224"),
    ("vtn.layers", 1),
    *((f"{model}.backbone", "resnet18") for model in ("tpn-r50", "tpn-r101", "gta", "i3d-slow")),
)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch, as in the processes that a test starts: bits depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_table() -> ExtractorTable:
    """Table 1 with small models."""
    return load_extractors(settings=TINY)


@pytest.fixture(scope="session")
def write_noise() -> Callable[..., Path]:
    """Writes noise that moves as a video of some seconds."""

    def write(path: Path, seconds: float, *, fps: int = 10, width: int = 64, height: int = 48) -> Path:
        picture = np.random.default_rng(len(str(path))).integers(0, 256, (height, width, 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=fps)
            stream.width, stream.height, stream.pix_fmt, stream.codec_context.qmax = width, height, "yuv420p", 4
            for number in range(round(seconds * fps)):
                moved = np.ascontiguousarray(np.roll(picture, (number, 2 * number), (0, 1)))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def _built() -> dict[tuple[str, str], Extractor]:
    return {}


@pytest.fixture(scope="session")
def extract(_built: dict[tuple[str, str], Extractor]) -> Callable[..., list[Outcome]]:
    """`plan` and `run` with small models, of random weights by default; each is built once a session."""

    def load(
        rows: Sequence[ExtractorRow], weights: Mapping[str, Weights], device: torch.device, *, plugin: Path | None
    ) -> dict[str, Extractor]:
        assert plugin is None, "each is built once, whatever the file"
        for row in rows:
            key = (row.digest(), weights[row.model].digest)
            if key not in _built:
                _built.update({key: load_models([row], weights, device)[row.model]})
        return {row.model: _built[row.digest(), weights[row.model].digest] for row in rows}

    def whole(
        root: Path,
        models: Sequence[str] = ("vtn", "ircsn"),
        *,
        settings: Sequence[tuple[str, Any]] = (),
        **options: Any,
    ) -> list[Outcome]:
        used = [pair for pair in TINY if "." not in pair[0] or pair[0].split(".")[0] in ("clip", *models)]
        options = {"untrained": True, "device": "cpu"} | options
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("soccerbench.video.extraction.plan.load_models", load)
            return list(run(plan(root, models=models, settings=[*used, *settings], **options)))

    return whole


NUMBER_BITS = 8


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """(H, W, 3) RGB: vertical bars, white for a one of the number's bits, on a ground that changes with it."""
    image = np.full((height, width, 3), 90 + number % 60, np.uint8)
    edges = np.linspace(0, width, NUMBER_BITS + 1).astype(int)
    for bit, (left, right) in enumerate(pairwise(edges.tolist())):
        image[height // 4 : -(height // 4), left:right] = 255 * (number >> bit & 1)
    return image


def read_number(image: NDArray[np.uint8]) -> int:
    """Which number a picture shows, after any coding and scaling without a crop."""
    height, width, _ = image.shape
    row = image[height // 3 : -(height // 3)].mean(axis=(0, 2))
    middles = (np.arange(NUMBER_BITS) + 0.5) * width / NUMBER_BITS
    return sum(1 << bit for bit, middle in enumerate(middles) if row[int(middle)] > 128)


def encode(
    path: Path,
    *,
    pictures: int = 50,
    fps: int = 25,
    size: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    first_ms: int = 0,
    first: int = 0,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """Write numbered pictures.

    Args:
        path: its suffix names the container.
        pictures: how many.
        fps: of a constant rate.
        size: width and height.
        codec: an encoder of FFmpeg.
        pix_fmt: of the encoder.
        times_ms: when each picture comes, in place of the constant rate.
        first_ms: added to all times.
        first: number of the first picture.
        options: of the encoder.
        muxing: of the container.
        sound: a second stream, of a tone, as long.
    """
    width, height = size
    times = times_ms or [round(1000 * number / fps) for number in range(pictures)]
    with av.open(str(path), "w", options=muxing or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000) if times_ms else Fraction(1, fps)
        audio = container.add_stream("aac", rate=8000) if sound else None
        for number, time_ms in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(first + number, width, height), format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round((time_ms + first_ms) / 1000 / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            tone = np.sin(np.arange(8 * (times[-1] + 40)) / 5).astype(np.float32)[None]
            wave = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone), format="fltp", layout="mono")
            wave.sample_rate, wave.pts = 8000, 0
            container.mux(audio.encode(wave))
            container.mux(audio.encode())
    return path


@pytest.fixture(scope="session")
def numbered_video() -> Callable[..., Path]:
    """See `encode`."""
    return encode


@pytest.fixture(scope="session")
def number_of() -> Callable[[NDArray[np.uint8]], int]:
    """See `read_number`."""
    return read_number
