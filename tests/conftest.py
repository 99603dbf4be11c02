"""A root small enough to train on in a second, and the way to the reference data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from soccerbench.data.classes import CLASSES

HALF_S = 150
WIDTHS = {
    "baidu_soccer_embeddings.npy": {"tpn-r101": 6, "gta": 6, "vtn": 4, "ircsn": 6, "i3d-slow": 6},
    "ResNET_TF2.npy": {"resnet": 6},
    "tpn_r50.npy": {"tpn-r50": 6},
    "mega_tpn_r50.npy": {"mega-tpn-r50": 6},
    "mega_tpn_r101.npy": {"mega-tpn-r101": 6},
    "mega_gta.npy": {"mega-gta": 6},
    "mega_vtn.npy": {"mega-vtn": 4},
    "mega_ircsn.npy": {"mega-ircsn": 6},
    "mega_i3d_slow.npy": {"mega-i3d-slow": 6},
}
GAMES = {"train": 2, "valid": 1, "test": 1, "challenge": 1}


def write_tiny_root(root: Path) -> Path:
    """Five games of two 150-s halves whose features show a bump in one column per class at each event."""
    rng = np.random.default_rng(7)
    splits = {
        split: [f"tiny_league/2020-2021/2020-01-0{number + 1} - 12-00 {split} 1 - 0 Away" for number in range(count)]
        for split, count in GAMES.items()
    }
    for game in (game for games in splits.values() for game in games):
        (root / game).mkdir(parents=True)
        annotations = []
        for half in (1, 2):
            seconds = np.sort(rng.choice(np.arange(5, HALF_S - 5), size=len(CLASSES), replace=False))
            labels = rng.permutation(len(CLASSES))
            for second, label in zip(seconds.tolist(), labels.tolist(), strict=True):
                annotations.append(
                    {
                        "gameTime": f"{half} - {second // 60:02d}:{second % 60:02d}",
                        "label": CLASSES[label],
                        "position": str(second * 1000 + 250),
                        "team": "home",
                        "visibility": "visible" if label % 3 else "not shown",
                    }
                )
            for file, blocks in WIDTHS.items():
                fps = 2 if file.startswith("ResNET") else 1
                width = sum(blocks.values())
                values = rng.normal(scale=0.1, size=(HALF_S * fps, width))
                for second, label in zip(seconds, labels, strict=True):
                    values[second * fps, label % width] += 1 + label // width
                np.save(root / game / f"{half}_{file}", values.astype(np.float32))
        (root / game / "Labels-v2.json").write_text(json.dumps({"UrlLocal": f"{game}/", "annotations": annotations}))
    (root / "splits.json").write_text(json.dumps(splits))
    blocks = {
        name: {"file": file, "width": width, "fps": 2 if file.startswith("ResNET") else 1}
        for file, widths in WIDTHS.items()
        for name, width in widths.items()
    }
    about = {"simulated": {"generator": "test", "seed": 7, "scale": "mini"}, "blocks": blocks}
    (root / "features.json").write_text(json.dumps(about))
    return root


@pytest.fixture(scope="session")
def shared_tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny root that no test may change."""
    return write_tiny_root(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """A tiny root of one's own, to be damaged."""
    return write_tiny_root(tmp_path / "tiny")
