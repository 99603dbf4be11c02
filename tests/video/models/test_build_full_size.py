"""Each model of Table 1 on one clip of its full size."""

from __future__ import annotations

import pytest
import torch

from soccerbench.specs.video_models import MODELS, load_extractors
from soccerbench.video.models.build import build


@pytest.mark.parametrize("name", MODELS)
def test_the_shapes_of_a_clip_of_full_size(name: str) -> None:
    row = load_extractors().of(name)
    with torch.device("meta"):
        model = build(row).eval()
        clip = torch.zeros((1, row.clip.frames, 3, row.size, row.size), dtype=torch.uint8)
    feature = model.per_clip(model.frames(clip))
    assert feature.shape == (1, row.width)
    assert model.classify(feature).shape == (1, 18)


@pytest.mark.parametrize(
    "name", [name if name == "gta" else pytest.param(name, marks=pytest.mark.parity) for name in MODELS]
)
def test_a_clip_of_full_size(name: str) -> None:
    row = load_extractors().of(name)
    torch.manual_seed(0)
    model = build(row).eval()
    clip = torch.randint(0, 256, (1, row.clip.frames, 3, row.size, row.size), dtype=torch.uint8)
    with torch.inference_mode():
        feature = model.per_clip(model.frames(clip))
        logits = model.classify(feature)
    assert feature.shape == (1, row.width)
    assert logits.shape == (1, 18)
    assert feature.isfinite().all()
    assert feature.std() > 0
    assert (feature.min() >= 0) == (name != "vtn")  # averages after a ReLU; VTN's come from a GELU
