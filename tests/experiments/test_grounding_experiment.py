"""Grounding rows as experiments: interrupted, shared, dependent on others, and on data they cannot use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import kill_after_step
from interruption import Killed, killing_at

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.experiments.results import Result
from soccerbench.experiments.table import plan
from soccerbench.experiments.table import run as run_all
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.report.tables.paper import paper_table, summarise
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.grounding_predictions import read_grounding_predictions
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.training import checkpoint

EPOCHS = 2
CAMERAS, REPLAYS = "Labels-cameras.json", "Labels-replays.json"


def experiment(root: Path, out: Path, row: int, *settings: str) -> Experiment:
    """A row of Table 3 on a tiny root, a few epochs long."""
    pairs = [parse_setting(text) for text in (f"max_epochs={EPOCHS}", "batch_size=16", *settings)]
    spec = next(spec for spec in load_table("table3", mini=True, settings=pairs).rows if spec.row == row)
    return Planner(Dataset(root), out).experiment(spec, 0)


def run(made: Experiment, seen: list[str] | None = None) -> Result:
    return made.run(device="cpu", progress=silent if seen is None else lambda stage, *_: seen.append(stage))


def annotations(root: Dataset, split: str, file: str = CAMERAS) -> tuple[Path, dict[str, Any]]:
    path = root.path / root.games[split][0] / file
    return path, json.loads(path.read_text())


def assert_same(one: Experiment, other: Experiment) -> None:
    """Both have the same weights and predictions, bit for bit."""
    weights, others = (torch.load(made.folder / "checkpoint.pt", weights_only=True)["model"] for made in (one, other))
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    for split in ("test", "challenge"):
        name = f"predictions-{split}.zip"
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


@pytest.fixture(scope="module")
def runs(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with finished runs of rows 5 and 19."""
    out = tmp_path_factory.mktemp("runs")
    for row in (5, 19):
        run(experiment(shared_tiny_root, out, row))
    return out


@pytest.mark.parametrize(("row", "steps"), [(5, 6), (5, 21), (19, 1), (19, 18)])
def test_stopped_at_any_step_it_ends_where_the_uninterrupted_run_ends(
    shared_tiny_root: Path, runs: Path, tmp_path: Path, row: int, steps: int
) -> None:
    whole, stopped = (experiment(shared_tiny_root, out, row) for out in (runs, tmp_path))
    with pytest.raises(Killed):
        stopped.run(device="cpu", progress=killing_at(steps))
    assert not (stopped.folder / "result.json").exists()
    run(stopped)
    assert_same(whole, stopped)


@pytest.mark.parametrize(("row", "steps"), [(5, 22), (19, 30)])  # in the second epoch, of 15 or 20 steps
def test_killed_with_sigkill_a_run_resumes_to_the_same_bits(
    shared_tiny_root: Path, tmp_path: Path, row: int, steps: int
) -> None:
    root, settings = Dataset(shared_tiny_root), ("max_epochs=2", "batch_size=16")
    table = load_table("table3", mini=root.is_mini, settings=[parse_setting(text) for text in settings])
    whole, killed = (
        plan(table, rows=[row], seeds=[0], root=root, out=tmp_path / name).experiments[0]
        for name in ("whole", "killed")
    )
    command = ["reproduce", "table3", "--rows", row, "--data", shared_tiny_root, "--out", killed.out]
    kill_after_step([*command, "--set", settings[0], "--set", settings[1]], count=steps)
    assert not (killed.folder / "result.json").exists()
    seen: list[str] = []
    run(killed, seen)
    assert "epoch 1/2" not in seen
    assert "epoch 2/2" in seen
    run(whole)
    assert_same(whole, killed)
    assert (whole.folder / "history.csv").read_bytes() == (killed.folder / "history.csv").read_bytes()


def test_cmn_keeps_the_epoch_of_the_highest_average_ap_on_validation(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(shared_tiny_root, tmp_path, 5, "select_every=2", "max_epochs=3")
    run(made)
    log = (made.folder / "log.txt").read_text()
    assert [f"epoch {epoch}: validation score" in log for epoch in (1, 2, 3)] == [False, True, True]


def test_rows_of_one_head_share_its_training(shared_tiny_root: Path, runs: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    shared, alone = (experiment(shared_tiny_root, out, 6) for out in (runs, tmp_path))
    result = run(shared, seen)
    assert not [stage for stage in seen if stage.startswith("epoch")]
    assert "the head is that of" in (shared.folder / "log.txt").read_text()
    trained, taken = (checkpoint.load(made.folder) for made in (experiment(shared_tiny_root, runs, 5), shared))
    assert trained is not None
    assert taken is not None
    assert result.seconds > taken["seconds"] == trained["seconds"] > 0
    assert run(alone, seen).scores == result.scores
    assert [stage for stage in seen if stage.startswith("epoch")]
    assert (shared.folder / "history.csv").read_bytes() == (alone.folder / "history.csv").read_bytes()
    other = experiment(shared_tiny_root, runs, 6, "learning_rate=0.01").row
    assert other.model_digest() != shared.row.model_digest()


def test_a_row_passes_over_damage_of_others_and_needs_no_learning_curve_of_theirs(
    shared_tiny_root: Path, tmp_path: Path
) -> None:
    trained, damaged, made = (experiment(shared_tiny_root, tmp_path, row) for row in (5, 4, 6))
    run(trained)
    curve = (trained.folder / "history.csv").read_bytes()
    (trained.folder / "history.csv").unlink()
    damaged.folder.mkdir(parents=True)
    (damaged.folder / "result.json").write_text("{")
    seen: list[str] = []
    run(made, seen)
    assert not [stage for stage in seen if stage.startswith("epoch")]
    assert (made.folder / "history.csv").read_bytes() == curve


def test_a_row_runs_those_it_needs_once(shared_tiny_root: Path, tmp_path: Path) -> None:
    made = experiment(shared_tiny_root, tmp_path, 8)
    assert [(run.row.table, run.row.row) for run in made.needed] == [("table2", 8), ("table3", 9)]
    made.prepare(force=False)
    result = run(made)
    spotted, ultra = (needed.folder for needed in made.needed)
    assert spotted == tmp_path / "tiny" / "table2" / "row-08" / "seed-0"
    finished = [(folder / "result.json").stat().st_mtime_ns for folder in (spotted, ultra)]
    assert result.scores["test"] is None  # the transformer has learnt from it
    assert result.scores["challenge"]["loose"].average_ap >= 0
    seen: list[str] = []
    run(experiment(shared_tiny_root, tmp_path, 7), seen)
    run(experiment(shared_tiny_root, tmp_path, 9), seen)
    assert not [stage for stage in seen if stage.startswith("epoch")]
    assert finished == [(folder / "result.json").stat().st_mtime_ns for folder in (spotted, ultra)]


@pytest.mark.parametrize("row", [5, 19, 32])
def test_a_replay_whose_position_disagrees_with_its_game_time_is_scored(
    tiny_root: Path, tmp_path: Path, row: int
) -> None:
    path, file = annotations(Dataset(tiny_root), "test")
    entry = next(entry for entry in file["annotations"] if entry["replay"] == "replay")
    entry["position"] = str(int(entry["position"]) + 1000)
    path.write_text(json.dumps(file))
    score = run(experiment(tiny_root, tmp_path / "runs", row, "max_epochs=1")).scores["test"]["loose"]
    replays = sum(entry["replay"] == "replay" for entry in file["annotations"])
    assert (score.replays_scored, score.replays_missing) == (replays, 0)


def test_a_digest_covers_what_a_row_needs(shared_tiny_root: Path, tmp_path: Path) -> None:
    plain, other = (experiment(shared_tiny_root, tmp_path, 18, f"offset_loss={weight}").row for weight in (1, 2))
    assert plain.digest() != other.digest()  # row 19 has another loss
    assert plain.model_digest() == other.model_digest()


def test_a_real_challenge_becomes_a_submission(tiny_root: Path, tmp_path: Path) -> None:
    root = Dataset(tiny_root)
    for game in root.games["challenge"]:
        (tiny_root / game / CAMERAS).unlink()
        (tiny_root / game / "Labels-v2.json").unlink()
    made = experiment(tiny_root, tmp_path, 6)
    made.prepare(force=False)
    result = run(made)
    assert "challenge" not in result.scores
    assert result.scores["test"]["loose"].replays_scored > 0
    tree = Tree(made.folder / result.submissions["challenge"])
    (game,) = root.games["challenge"]
    wanted = json.loads((tiny_root / game / REPLAYS).read_text())["annotations"]
    replays = read_grounding_predictions(tree, game, strict=True).replays
    assert len(replays) == sum(entry["replay"] == "replay" for entry in wanted)


def test_training_never_sees_the_links_of_the_challenge(tiny_root: Path, runs: Path, tmp_path: Path) -> None:
    annotations(Dataset(tiny_root), "challenge")[0].unlink()
    run(experiment(tiny_root, tmp_path, 5))
    for split in ("test", "challenge"):
        name = Path("tiny", "table3", "row-05", "seed-0", f"predictions-{split}.zip")
        assert (runs / name).read_bytes() == (tmp_path / name).read_bytes()


def test_naive_rows_need_no_features(tiny_root: Path, tmp_path: Path) -> None:
    for file in tiny_root.rglob("*.npy"):
        file.unlink()
    made = experiment(tiny_root, tmp_path, 31)
    result = run(made)
    assert result.scores["test"]["loose"].average_ap == 1  # every replay of this root starts 12 s after its event
    assert {file.name for file in made.folder.iterdir()} == {
        "identity.json", "spec.yaml", "result.json", "log.txt", "predictions-test.zip", "predictions-challenge.zip",
    }  # fmt: skip


def test_other_replays_are_noticed(tiny_root: Path, tmp_path: Path) -> None:
    run(experiment(tiny_root, tmp_path, 32))
    path, content = annotations(Dataset(tiny_root), "train")
    content["annotations"][1]["link"]["time"] = "00:01"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="another data"):
        experiment(tiny_root, tmp_path, 32).prepare(force=False)


def test_all_rows_at_once(shared_tiny_root: Path, runs: Path) -> None:
    pairs = [parse_setting(text) for text in (f"max_epochs={EPOCHS}", "batch_size=16")]
    table = load_table("table3", mini=True, settings=pairs)
    planned = plan(table, rows=None, seeds=[0], root=Dataset(shared_tiny_root), out=runs)
    assert planned.unavailable == ()
    results = run_all(planned, device="cpu", force=False, progress=lambda _: silent, on_done=lambda *_: None)
    records = {
        record["row"]: record for record in summarise([row.model_dump(mode="json") for row in table.rows], results, {})
    }
    assert list(records) == [*range(1, 10), 17, 27, 18, 19, 31, 32]
    assert [row for row, record in records.items() if record["measured"]["test"] is None] == [8, 9]
    assert all(0 <= record["measured"]["challenge"]["mean"] <= 1 for record in records.values())
    drawn = paper_table(
        table.title, list(records.values()), dataset="tiny", task="grounding", simulated=True, folder=runs
    )
    assert drawn.header[4:] == ("Chunk, steps", "Test loose", "Test tight", "Challenge loose", "Challenge tight")
    assert drawn.lines[7][1:6] == ("", "five", "cmn", "120, filter 100, fuse 42, nms 25", "-")
    assert [line[:2] for line in drawn.lines[9:12]] == [
        ("17", "7 appended"),
        ("27", "7 spotted alone"),
        ("18", "8 regular"),
    ]


def test_strict_rows_are_scored_by_both_protocols(tiny_root: Path, tmp_path: Path) -> None:
    rows = {row.row: row for row in load_table("table3plus", mini=True).rows}
    made = Planner(Dataset(tiny_root), tmp_path).experiment(rows[31], 0)
    result = run(made)
    assert sorted(result.scores["test"]) == ["loose", "loose strict", "tight", "tight strict"]
    assert result.scores["test"]["loose strict"].protocol == "strict"
    assert result.games["test"].keys() == result.scores["test"].keys()
    content = [row.model_dump(mode="json") for row in rows.values()]
    drawn = paper_table(
        "t", summarise(content, [result], {}), dataset="tiny", task="grounding", simulated=True, folder=tmp_path
    )
    assert drawn.header[9:] == (
        "Test loose strict", "Test tight strict", "Challenge loose strict", "Challenge tight strict",
    )  # fmt: skip
    assert drawn.lines[0][9:] == tuple(
        f"{100 * result.scores[split][f'{name} strict'].average_ap:.2f}"
        for split in ("test", "challenge")
        for name in ("loose", "tight")
    )


def test_strict_does_not_change_what_is_trained() -> None:
    plus, plain = (load_table(name).rows for name in ("table3plus", "table3"))
    assert plus[5].model_digest() == plain[5].model_copy(update={"batch_size": 32}).model_digest()
    assert plus[0].model_digest() != plus[1].model_digest()
    assert plus[2].model_digest() == plus[4].model_digest()


def _replay(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return next(entry for entry in entries if entry["replay"] == "replay")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda entries: _replay(entries).update(link={"half": "1"}), "entry 2: link with"),
        (lambda entries: _replay(entries)["link"].update(time="soon"), "entry 2: link with time 'soon'"),
        (lambda entries: _replay(entries)["link"].update(label="Handball"), "entry 2: link with .*Handball"),
        (lambda entries: _replay(entries).update(position="1000", gameTime="1 - 00:01"), "ends at 1000 ms, before it"),
        (lambda entries: entries.clear(), "no replay of the valid games has a link"),
        (lambda entries: [entry.pop("link", None) for entry in entries], "no replay of the valid games has a link"),
    ],
)
def test_annotations_that_cannot_be_used(
    tiny_root: Path, tmp_path: Path, damage: Callable[[list[dict[str, Any]]], object], message: str
) -> None:
    path, content = annotations(Dataset(tiny_root), "valid")
    damage(content["annotations"])
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        experiment(tiny_root, tmp_path, 5).prepare(force=False)


def test_missing_annotations(tiny_root: Path, tmp_path: Path) -> None:
    annotations(Dataset(tiny_root), "train")[0].unlink()
    with pytest.raises(InputError, match=r"Labels-cameras\.json: missing"):
        experiment(tiny_root, tmp_path, 32).prepare(force=False)


def test_a_game_without_replays_and_a_link_into_the_other_half(tiny_root: Path, tmp_path: Path) -> None:
    root = Dataset(tiny_root)
    path, content = annotations(root, "train")
    path.write_text(json.dumps({**content, "annotations": []}))
    path, content = annotations(root, "test")
    _replay(content["annotations"])["link"]["half"] = "2"
    path.write_text(json.dumps(content))
    made = experiment(tiny_root, tmp_path, 5)
    made.prepare(force=False)
    scores = run(made).scores["test"]["loose"]
    replays = sum(entry["replay"] == "replay" for entry in content["annotations"])
    assert scores.replays_scored == replays - 1
    assert scores.replays_missing == 1
