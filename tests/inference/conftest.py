"""Runs of a few rows on the tiny root, one epoch each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.specs.load import load_table

SMALL = [("max_epochs", 1), ("batch_size", 8)]


@pytest.fixture(scope="session")
def trained(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a row's run; each is trained once."""
    out, made = tmp_path_factory.mktemp("runs"), {}

    def train(table: str, number: int, **settings: object) -> Path:
        key = (table, number, *settings.items())
        if key not in made:
            rows = load_table(table, mini=True, settings=[*SMALL, *settings.items()]).rows
            row = next(row for row in rows if row.row == number)
            run = Planner(Dataset(shared_tiny_root), out / str(len(made))).experiment(row, 0)
            run.run(device="cpu", progress=silent)
            made[key] = run.folder
        return made[key]

    return train


@pytest.fixture(scope="session")
def test_game(shared_tiny_root: Path) -> str:
    """The one test game of the tiny root."""
    return Dataset(shared_tiny_root).games["test"][0]
