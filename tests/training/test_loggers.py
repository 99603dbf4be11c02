"""Learning curves to other tools: all epochs, each run apart, nothing unless asked for."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.training import loggers as logs


class Notebook:
    """What a tool received."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epochs: dict[int, dict[str, float]] = {}
        self.closed = False

    def add_scalar(self, name: str, value: float, epoch: int) -> None:
        self.epochs.setdefault(epoch, {})[name] = value

    def log(self, values: dict[str, float], step: int) -> None:
        self.epochs[step] = values

    def finish(self) -> None:
        self.closed = True

    close = finish


@pytest.fixture(params=logs.KINDS)
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[Notebook]]:
    """A stand-in for the tool's package, and the runs that were begun with it."""
    begun: list[Notebook] = []

    def begin(name: str = "", **options: Any) -> Notebook:
        begun.append(Notebook(options.get("name", name)))
        return begun[-1]

    wandb, tensorboard = ModuleType("wandb"), ModuleType("torch.utils.tensorboard")
    wandb.init = lambda **options: begin(options["name"])  # type: ignore[attr-defined]
    tensorboard.SummaryWriter = begin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", tensorboard)
    monkeypatch.setattr(logs, "find_spec", lambda _: object())
    return request.param, begun


def train(root: Path, out: Path) -> Iterator[Path]:
    pairs = [parse_setting(text) for text in ("max_epochs=2", "batch_size=8")]
    for number in (7, 10):
        row = next(row for row in load_table("table2", mini=True, settings=pairs).rows if row.row == number)
        experiment = Planner(Dataset(root), out).experiment(row, 0)
        experiment.run(device="cpu", progress=silent)
        yield experiment.folder


def test_every_epoch_of_every_run_arrives_as_in_its_history(
    shared_tiny_root: Path, tmp_path: Path, tool: tuple[str, list[Notebook]]
) -> None:
    kind, begun = tool
    with logs.curves_to(kind):
        folders = list(train(shared_tiny_root, tmp_path))
    assert len(begun) == 2
    for notebook, folder in zip(begun, folders, strict=True):
        assert notebook.closed
        assert folder.parts[-2] in notebook.name
        with (folder / "history.csv").open() as stream:
            lines = list(csv.DictReader(stream))
        assert notebook.epochs == {
            int(line["epoch"]): {name: float(cell) for name, cell in line.items() if cell and name != "epoch"}
            for line in lines
        }


def test_nothing_is_sent_unless_asked_for(
    shared_tiny_root: Path, tmp_path: Path, tool: tuple[str, list[Notebook]]
) -> None:
    with logs.curves_to(None):
        next(train(shared_tiny_root, tmp_path / "one"))
    with logs.curves_to(tool[0]):
        pass
    next(train(shared_tiny_root, tmp_path / "two"))
    assert tool[1] == []


@pytest.mark.parametrize("kind", logs.KINDS)
def test_a_missing_package_is_named(kind: str) -> None:
    if importlib.util.find_spec(kind):
        pytest.skip(f"{kind} is installed")
    with pytest.raises(ValueError, match=f"pip install {kind}"), logs.curves_to(kind):
        raise AssertionError


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(ValueError, match="known are tensorboard, wandb"), logs.curves_to("mlflow"):
        raise AssertionError
