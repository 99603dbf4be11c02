"""A submission with names that try everything, and runs of a tiny root."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting

HOSTILE = (
    "<script>window.hacked=1</script>",
    "'\"><img src=x onerror=window.hacked=1>",
    "x" * 150 + "/" + "y" * 149,
    "⚽🏆 {{ 7*7 }} ${7*7} </script >",
    "שלום\u202eevil\u202c مرحبا",
    "&lt;b&gt; &amp; \u2028 %3Cscript%3E --> ]]>",
)
CLASSES = ("Goal", "Foul", "Corner")


def write_spotting(folder: Path, names: tuple[str, ...] = HOSTILE) -> tuple[Path, Path]:
    """Labels and predictions of one game a name, a few events and detections each; the folders of both."""
    for number, name in enumerate(names):
        game = f"league/season/{name}"
        seconds = [60 + 300 * place + 7 * number for place in range(6)]
        events = [(1 + place % 2, CLASSES[place % 3], 1000 * second) for place, second in enumerate(seconds)]
        annotations = [
            {"gameTime": f"{half} - {ms // 60000:02d}:{ms // 1000 % 60:02d}", "label": label, "position": str(ms),
             "visibility": "visible" if half == 1 else "not shown"}
            for half, label, ms in events
        ]  # fmt: skip
        predictions = [
            {"half": str(half), "label": label, "position": str(ms + 1000 * off), "confidence": str(0.9 - 0.1 * off)}
            for half, label, ms in events
            for off in (0, 4)
        ]
        for kind, file, content in (
            ("labels", "Labels-v2.json", {"UrlLocal": game, "annotations": annotations}),
            ("predictions", "results_spotting.json", {"UrlLocal": game, "predictions": predictions}),
        ):
            path = folder / kind / game / file
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(content))
    return folder / "labels", folder / "predictions"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_spotting(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def train_rows() -> Callable[..., Path]:
    """`train_rows(root, out, rows, seeds)` runs rows of Table 2 a few epochs each."""

    def train(root: Path, out: Path, *rows: int, seeds: tuple[int, ...] = (0,)) -> Path:
        pairs: list[Any] = [parse_setting(text) for text in ("max_epochs=2", "batch_size=8")]
        chosen = [row for row in load_table("table2", mini=True, settings=pairs).rows if row.row in rows]
        for row in chosen:
            for seed in seeds:
                Planner(Dataset(root), out).experiment(row, seed).run(device="cpu", progress=silent)
        return out

    return train
