"""Runs that load: a checkpoint says all that is needed, and gives the predictions of `reproduce`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from custom_head import HEAD
from shared_data import SHARED

from soccerbench.errors import InputError, SpecError
from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.inference.match import find_match, read_features
from soccerbench.inference.run import load_run
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.shapes import shapes_only
from soccerbench.progress import silent
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import grounding_bytes
from soccerbench.soccernet.replays import read_replays
from soccerbench.soccernet.spotting_predictions import spotting_bytes
from soccerbench.specs.load import load_table
from soccerbench.training.checkpoint import CHECKPOINT

SPOTTED = [("table2", 1, {}), ("table2", 7, {}), ("table2", 8, {"standardise": True}), ("resnet1d", 1, {})]
GROUNDED = [
    ("table3", 2, {}),
    ("table3", 6, {}),
    ("table3", 19, {"standardise": True}),
    ("table3plus", 8, {"standardise": True}),
]


@pytest.mark.parametrize(("table", "number", "settings"), SPOTTED)
def test_a_spotting_run_gives_the_bytes_of_reproduce(
    trained: Callable[..., Path], shared_tiny_root: Path, test_game: str, table: str, number: int, settings: dict
) -> None:
    folder = trained(table, number, **settings)
    run = load_run(folder, device="cpu")
    features = read_features(find_match([shared_tiny_root / test_game]), run.about, run.row.blocks, title=run.title)
    found = run.events(run.scores(features), game=test_game)
    written = Tree(folder / "predictions-test.zip").read(f"{test_game}/results_spotting.json")
    assert spotting_bytes(found) == written


@pytest.mark.parametrize(("table", "number", "settings"), GROUNDED)
def test_a_grounding_run_gives_the_bytes_of_reproduce(
    trained: Callable[..., Path], shared_tiny_root: Path, test_game: str, table: str, number: int, settings: dict
) -> None:
    folder = trained(table, number, **settings)
    run = load_run(folder / CHECKPOINT, device="cpu")
    features = read_features(find_match([shared_tiny_root / test_game]), run.about, run.row.blocks, title=run.title)
    found = run.ground(features, read_replays(Tree(shared_tiny_root), test_game, strict=True))
    written = Tree(folder / "predictions-test.zip").read(f"{test_game}/results_grounding.json")
    assert grounding_bytes(found) == written


def test_a_checkpoint_says_what_it_is(trained: Callable[..., Path], shared_tiny_root: Path) -> None:
    about = load_run(trained("table2", 8, standardise=True), device="cpu").about
    assert about.spec["head"] == "netvlad++"
    assert about.spec["chunk_s"] == 7
    assert about.spec["nms_s"] == 20
    assert about.spec["architecture"] == {"clusters": 16, "projection": 64, "dropout": 0.4}
    assert (about.fps, about.classes, about.dataset, about.simulated) == (1, CLASSES, shared_tiny_root.name, True)
    assert {name: block.width for name, block in about.blocks.items()} == {
        "tpn-r101": 6, "gta": 6, "vtn": 4, "ircsn": 6, "i3d-slow": 6,
    }  # fmt: skip
    assert about.trained_on == {"train": 2}


def test_a_custom_head_needs_its_plugin(
    shared_tiny_root: Path, test_game: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plugin = tmp_path / "my_heads.py"
    plugin.write_text(HEAD)
    row = load_table("table2", mini=True, settings=[("max_epochs", 1)]).rows[7]
    row = row.model_copy(update={"head": "my_heads:Last", "architecture": {"hidden": 8}})
    made = Planner(Dataset(shared_tiny_root), tmp_path / "runs", plugin).experiment(row, 0)
    made.run(device="cpu", progress=silent)
    with pytest.raises(SpecError, match=r"--plugin my_heads\.py"):
        load_run(made.folder)
    run = load_run(made.folder, plugin=plugin, device="cpu")
    features = read_features(find_match([shared_tiny_root / test_game]), run.about, run.row.blocks, title=run.title)
    written = Tree(made.folder / "predictions-test.zip").read(f"{test_game}/results_spotting.json")
    assert spotting_bytes(run.events(run.scores(features), game=test_game)) == written


def _changed(folder: Path, tmp_path: Path, change: Callable[[dict], object]) -> Path:
    state = torch.load(folder / CHECKPOINT, weights_only=True)
    change(state)
    torch.save(state, tmp_path / CHECKPOINT)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("about"), "no head that describes itself; give the folder of a run"),
        (lambda state: state["about"].pop("fps"), r"its description cannot be used: missing key: fps"),
        (lambda state: state["about"]["blocks"].clear(), "no block 'tpn-r101'"),
        (lambda state: state["about"].update(classes=["Goal"]), "no trained head of the 17 classes"),
        (lambda state: state["about"]["spec"]["architecture"].update(projection=10**6), "do not fit its description"),
        (lambda state: state["model"].popitem(), "do not fit its description"),
        (lambda state: state["model"].update(x=3), "its weights are not named tensors"),
        (lambda state: state["model"].update(x=torch.ones(1).expand(10**9)), "its weights are not named tensors"),
        (lambda state: state["model"].update(x=torch.tensor(torch.nan)), "its weights are not named tensors"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_one_line(
    trained: Callable[..., Path], tmp_path: Path, change: Callable[[dict], object], said: str
) -> None:
    folder = _changed(trained("table2", 8, standardise=True), tmp_path, change)
    with pytest.raises((InputError, SpecError), match=said) as caught:
        load_run(folder)
    assert "\n" not in str(caught.value)


def test_shapes_only_takes_no_memory_and_draws_nothing() -> None:
    state = torch.get_rng_state()
    with shapes_only():
        head = NetVLADpp(100_000, clusters=8, projection=100_000, classes=17)  # 40 GB
    assert {value.device.type for value in head.state_dict().values()} == {"meta"}
    assert head.past.centres.shape == (4, 100_000)
    assert torch.equal(torch.get_rng_state(), state)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"about": {}, "model": print}, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="damaged, or more than tensors"):
        load_run(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_run(tmp_path / "nothing")


def test_arrays_of_another_rate_or_shape_are_refused(trained: Callable[..., Path]) -> None:
    run = load_run(trained("table2", 8, standardise=True), device="cpu")
    rows = np.random.default_rng(0).normal(size=(40, run.width))
    found = run.predict(rows, fps=1)
    assert found.columns.tolist() == ["half", "time_s", "label", "confidence"]
    assert found.sort_values(["half", "time_s"], kind="stable").equals(found)
    assert set(run.predict({2: rows}, fps=1).half) == {2}
    for given, fps, said in (
        (rows, 2, "features at 2 rows a second, but the run reads 1"),
        (rows[:, 1:], 1, r"shape \(40, 27\), expected \(rows, 28\)"),
        (rows * np.nan, 1, "not finite"),
        ({3: rows}, 1, "half 3"),
    ):
        with pytest.raises(ValueError, match=said):
            run.predict(given, fps)


def test_official_spotting_checkpoint() -> None:
    if not SHARED.is_dir():
        pytest.skip("no reference data")
    golden = np.load(SHARED / "netvladpp_golden.npz")
    run = load_run(SHARED / "netvladpp_official_layout.pth.tar", device="cpu")
    assert (run.task, run.fps, run.row.features, run.row.nms_s) == ("spotting", 2, "resnet", 30)
    from soccerbench.inference.match import Features

    scores = run.scores(Features({1: golden["features"].astype(np.float32)}, 2))[1].scores
    np.testing.assert_allclose(scores[:199], golden["sliding_scores"][:, 1:], rtol=0, atol=1e-5)


def test_official_grounding_checkpoint() -> None:
    if not SHARED.is_dir():
        pytest.skip("no reference data")
    run = load_run(SHARED / "cmn_official.pth.tar", device="cpu")
    assert (run.task, run.fps, run.width, run.row.features) == ("grounding", 2, 512, "resnet-pca512")
    assert (run.row.chunk_s, run.row.receptive_field_s) == (120, 40)
    from soccerbench.soccernet.replays import GameReplays, Replay

    rows = np.random.default_rng(0).normal(size=(900, 512))
    replays = GameReplays("", (Replay(1, 200_000, 210_000),))
    found = run.predict(rows, 2, replays=replays)
    assert set(found.start_s) == {200}
    assert found.confidence.between(0, 1).all()
