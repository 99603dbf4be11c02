"""The video models, small enough for a few milliseconds a clip."""

from __future__ import annotations

from typing import Any

import pytest

from soccerbench.specs.extractors import ExtractorTable, load_extractors

TINY: tuple[tuple[str, Any], ...] = (
    ("size", 32),
    ("clip.frames", 4),
    ("ircsn.backbone", "resnet14"),
    ("vtn.backbone", "vit_tiny_patch16_224"),
    ("vtn.layers", 1),
    *((f"{model}.backbone", "resnet18") for model in ("tpn-r50", "tpn-r101", "gta", "i3d-slow")),
)


@pytest.fixture(scope="session")
def tiny_settings() -> list[tuple[str, Any]]:
    """What makes every model small."""
    return list(TINY)


@pytest.fixture(scope="session")
def tiny_table() -> ExtractorTable:
    """Table 1 with small models."""
    return load_extractors(settings=TINY)
