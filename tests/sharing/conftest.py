"""Finished runs of Table 2 made without training: real counts of real files of two games."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from soccerbench.experiments.results import Result
from soccerbench.files import write_json, write_zip
from soccerbench.scoring.evaluate import evaluate
from soccerbench.specs.load import load_table

GAMES = ("league/season/a", "league/season/b")
LABELS = ("Goal", "Foul", "Corner")


def write_labels(folder: Path) -> Path:
    """Three events in each half of two games."""
    for game in GAMES:
        events = [
            {"gameTime": f"{half} - 0{1 + place}:00", "label": label, "position": str(60_000 * (1 + place)),
             "visibility": "visible"}
            for half in (1, 2) for place, label in enumerate(LABELS)
        ]  # fmt: skip
        file = folder / game / "Labels-v2.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"UrlLocal": game, "annotations": events}))
    return folder


def write_run(
    folder: Path, labels: Path, *, late_s: int = 0, seed: int = 0, row: int = 8, dataset: str = "mini",
    simulated: bool = True,
) -> Path:  # fmt: skip
    """A run that finds each event, `late_s` late in the second half and so missed by narrow windows; its folder."""
    found = [
        {"half": str(half), "label": label, "confidence": "0.9",
         "position": str(60_000 * (1 + place) + (1000 * late_s if half == 2 else 0))}
        for half in (1, 2) for place, label in enumerate(LABELS)
    ]  # fmt: skip
    place = folder / dataset / "table2" / f"row-{row:02d}" / f"seed-{seed}"
    place.mkdir(parents=True)
    predictions = place / "predictions-test.zip"
    members = [
        (f"{game}/results_spotting.json", json.dumps({"UrlLocal": game, "predictions": found}).encode())
        for game in GAMES
    ]
    write_zip(predictions, members)
    spec = next(spec for spec in load_table("table2").rows if spec.row == row)
    scored = {
        name: evaluate(
            task="spotting", labels=labels, predictions=predictions, split="test", tolerances=deltas_s,
            protocol="soccernet",
        )
        for name, deltas_s in (("loose", range(5, 65, 5)), ("tight", range(1, 6)))
    }  # fmt: skip
    result = Result(
        table="table2", row=row, seed=seed, dataset=dataset, simulated=simulated, spec=spec.model_dump(mode="json"),
        digest=spec.digest(), data_fingerprint="f" * 16, code="c" * 16, versions={"python": "3"}, device="cpu",
        seconds=1.0, submissions={"test": "predictions-test.zip"},
        scores={"test": {name: one.report() for name, one in scored.items()}},
        games={"test": {name: one.games for name, one in scored.items()}},
    )  # fmt: skip
    write_json(place / "result.json", result.to_json())
    return place


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = write_labels(tmp_path / "labels")
    (folder / "splits.json").write_text(json.dumps({"test": GAMES}))
    return folder


@pytest.fixture
def runs(tmp_path: Path, labels: Path) -> Callable[..., Path]:
    """`runs(name, late_s=…, …)` writes a run into a folder and returns the folder."""

    def write(name: str, **options: object) -> Path:
        write_run(tmp_path / name, labels, **options)  # type: ignore[arg-type]
        return tmp_path / name

    return write
