"""The video models, small enough for a few milliseconds a clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from soccerbench.extractors.base import Extractor
from soccerbench.extractors.extraction import plan, run
from soccerbench.extractors.half_pass import Outcome
from soccerbench.extractors.weights import Weights, load_models
from soccerbench.specs.extractors import ExtractorRow, ExtractorTable, load_extractors

TINY: tuple[tuple[str, Any], ...] = (
    ("size", 32),
    ("clip.frames", 4),
    ("ircsn.backbone", "resnet14"),
    ("vtn.backbone", "vit_tiny_patch16_224"),
    ("vtn.layers", 1),
    *((f"{model}.backbone", "resnet18") for model in ("tpn-r50", "tpn-r101", "gta", "i3d-slow")),
)


@pytest.fixture(scope="session")
def tiny_table() -> ExtractorTable:
    """Table 1 with small models."""
    return load_extractors(settings=TINY)


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
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


@pytest.fixture
def extract(_built: dict[tuple[str, str], Extractor], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Outcome]]:
    """`plan` and `run` with small models, of random weights if not told otherwise; each is built once a session."""

    def load(
        rows: Sequence[ExtractorRow], weights: Mapping[str, Weights], device: torch.device
    ) -> dict[str, Extractor]:
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
        planned = plan(root, models=models, settings=[*used, *settings], **options)
        return list(run(planned, tick=lambda _: None))

    monkeypatch.setattr("soccerbench.extractors.extraction.load_models", load)
    return whole
