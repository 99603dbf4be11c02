"""A dataset small enough to train on in a second."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from soccerbench.simulation.matches.write import write_mini
from soccerbench.soccernet.classes import CLASSES

settings.register_profile(
    "repeatable",  # the same examples on any machine and each time; only the full parity run draws others
    deadline=None,
    derandomize=os.environ.get("SOCCERBENCH_PARITY") != "full",
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("repeatable")
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs and their children start with SIGINT ignored

HALF_S = 150
WIDTHS = {
    "baidu_soccer_embeddings.npy": {"tpn-r101": 6, "gta": 6, "vtn": 4, "ircsn": 6, "i3d-slow": 6},
    "ResNET_TF2.npy": {"resnet": 6},
    "ResNET_TF2_PCA512.npy": {"resnet-pca512": 4},
    "tpn_r50.npy": {"tpn-r50": 6},
    "mega_tpn_r50.npy": {"mega-tpn-r50": 6},
    "mega_tpn_r101.npy": {"mega-tpn-r101": 6},
    "mega_gta.npy": {"mega-gta": 6},
    "mega_vtn.npy": {"mega-vtn": 4},
    "mega_ircsn.npy": {"mega-ircsn": 6},
    "mega_i3d_slow.npy": {"mega-i3d-slow": 6},
}
REPLAY_DELAY_S, REPLAY_S = 12, 5
GAMES = {"train": 2, "valid": 1, "test": 1, "challenge": 1}


def write_tiny_root(root: Path) -> Path:
    """Five games of two 150-s halves whose features show a bump in one column per class at each event.

    Some events are replayed 12 s later, for 5 s, in which the same bump is seen again.
    """
    rng = np.random.default_rng(7)
    splits = {
        split: [f"tiny_league/2020-2021/2020-01-0{number + 1} - 12-00 {split} 1 - 0 Away" for number in range(count)]
        for split, count in GAMES.items()
    }
    for game in (game for games in splits.values() for game in games):
        (root / game).mkdir(parents=True)
        annotations, cameras = [], []
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
            replayed = _replayed(seconds.tolist())
            for index in replayed:
                cameras += _camera_entries(half, annotations[index - len(seconds)])
            for file, blocks in WIDTHS.items():
                fps = 2 if file.startswith("ResNET") else 1
                width = sum(blocks.values())
                values = rng.normal(scale=0.1, size=(HALF_S * fps, width))
                for second, label in zip(seconds, labels, strict=True):
                    values[second * fps, label % width] += 1 + label // width
                for index in replayed:
                    start, label = seconds[index] + REPLAY_DELAY_S, labels[index]
                    values[start * fps : (start + REPLAY_S) * fps, label % width] += 1 + label // width
                np.save(root / game / f"{half}_{file}", values.astype(np.float32))
        files = {"Labels-v2.json": annotations, "Labels-cameras.json": cameras}
        if game in splits["challenge"]:
            files["Labels-replays.json"] = [entry | ({"link": ""} if "link" in entry else {}) for entry in cameras]
        for name, entries in files.items():
            (root / game / name).write_text(json.dumps({"UrlLocal": f"{game}/", "annotations": entries}))
    (root / "splits.json").write_text(json.dumps(splits))
    blocks = {
        name: {"file": file, "width": width, "fps": 2 if file.startswith("ResNET") else 1}
        for file, widths in WIDTHS.items()
        for name, width in widths.items()
    }
    about = {"simulated": {"generator": "test", "seed": 7, "scale": "mini"}, "blocks": blocks}
    (root / "features.json").write_text(json.dumps(about))
    return root


def _replayed(seconds: list[int]) -> list[int]:
    """Which events are replayed: those whose replay would not follow another one directly."""
    chosen, end = [], 0
    for index, second in enumerate(seconds):
        start = second + REPLAY_DELAY_S
        if end < start < HALF_S - 2 * REPLAY_S:
            chosen.append(index)
            end = start + REPLAY_S
    return chosen


def _camera_entries(half: int, event: dict[str, str]) -> list[dict[str, Any]]:
    """The live shot before a replay of an event, and the replay."""
    start = int(event["position"]) // 1000 + REPLAY_DELAY_S
    link = {"half": str(half), "time": event["gameTime"][4:]}
    link |= {key: event[key] for key in ("label", "position", "team", "visibility")}
    shots: list[tuple[int, dict[str, Any]]] = [
        (start, {"replay": "real-time"}), (start + REPLAY_S, {"replay": "replay", "link": link}),
    ]  # fmt: skip
    return [
        {
            "change_type": "abrupt",
            "gameTime": f"{half} - {second // 60:02d}:{second % 60:02d}",
            "label": "Main camera center",
            "position": str(second * 1000),
            **fields,
        }
        for second, fields in shots
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what only the full parity run has time for."""
    if os.environ.get("SOCCERBENCH_PARITY") != "full":
        for item in items:
            if item.get_closest_marker("parity"):
                item.add_marker(pytest.mark.skip(reason="run by SOCCERBENCH_PARITY=full"))


@pytest.fixture(autouse=True)
def _forked_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are copies of this process, which has imported torch: seven seconds less each than fresh ones."""
    if not request.node.get_closest_marker("fresh_workers"):
        monkeypatch.setattr("soccerbench.processes.METHOD", "fork")


@pytest.fixture(autouse=True)
def _seed_torch() -> None:
    """Torch's random numbers do not depend on the tests that ran before."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny root that no test may change."""
    return write_tiny_root(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """A tiny root that the test may change."""
    return write_tiny_root(tmp_path / "tiny")


@pytest.fixture(scope="session")
def four_games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four simulated games of full length, one in each split, with their manifest; no test may change them."""
    out = tmp_path_factory.mktemp("data") / "four"
    write_mini(out, games=4)
    return out
