"""The zips that a run writes, scored by the official scorer, give every figure in its `result.json`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from SoccerNet.Evaluation import ActionSpotting

from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.load import load_table, parse_setting

KEYS = {"average_map": "a_mAP", "average_map_visible": "a_mAP_visible", "average_map_unshown": "a_mAP_unshown"}


@pytest.fixture(scope="module")
def made(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A finished run of row 7."""
    row = load_table("table2", mini=True, settings=[parse_setting("max_epochs=2")]).rows[6]
    made = Planner(Dataset(shared_tiny_root), tmp_path_factory.mktemp("runs")).experiment(row, 0)
    made.run(device="cpu", progress=silent)
    return made


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # its files
@pytest.mark.parametrize(("split", "tolerances"), [
    ("test", "loose"),
    ("challenge", "tight"),
    pytest.param("test", "tight", marks=pytest.mark.parity),
    pytest.param("challenge", "loose", marks=pytest.mark.parity),
])  # fmt: skip
def test_every_figure_is_the_official_one(
    made: Experiment, shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch, split: str, tolerances: str
) -> None:
    ours = json.loads((made.folder / "result.json").read_text())["scores"][split][tolerances]
    monkeypatch.setattr(ActionSpotting, "getListGames", lambda split, **_: made.root.games[split])
    submission = str(made.folder / f"predictions-{split}.zip")
    with np.errstate(divide="ignore", invalid="ignore"):
        official = ActionSpotting.evaluate(str(shared_tiny_root), submission, split=split, metric=tolerances)
    assert ours["average_map"] > 0
    for key, name in KEYS.items():
        np.testing.assert_allclose(ours[key], official[name], rtol=0, atol=1e-12)
        per_class = ours[key.replace("average_map", "per_class")]
        assert tuple(per_class) == CLASSES
        np.testing.assert_allclose(
            list(per_class.values()), official[name.replace("a_mAP", "a_mAP_per_class")], rtol=0, atol=1e-12
        )
