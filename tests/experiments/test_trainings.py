"""A row's trainings: one for test, one for the challenge, and what each has seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from interruption import Killed

from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.features.dataset import Dataset
from soccerbench.progress import silent
from soccerbench.specs.base import Training
from soccerbench.specs.load import load_table

FOR_TEST, FOR_CHALLENGE = Training(("train",), "valid"), Training(("train", "valid"), "test")
BOTH = (FOR_TEST._replace(predicts=("test",)), FOR_CHALLENGE._replace(predicts=("challenge",), folder="challenge"))
ULTRA = Training(("train", "valid", "test"), None)


@pytest.mark.parametrize(
    ("table", "row", "trained_for", "trainings", "is_test_scored"),
    [
        ("table2", 8, "test", (FOR_TEST,), True),
        ("table2", 8, "challenge", (FOR_CHALLENGE,), False),
        ("table2", 8, "both", BOTH, True),
        ("table2", 4, "both", (FOR_CHALLENGE,), False),  # mega features have seen the test games
        ("table2", 4, "test", (FOR_TEST,), False),
        ("table2", 9, "both", (ULTRA,), False),
        ("table3", 19, "both", BOTH, True),
        ("table3", 8, "both", BOTH, False),  # joined with row 9, which is ultra
    ],
)
def test_what_a_row_trains(
    table: str, row: int, trained_for: str, trainings: tuple[Training, ...], is_test_scored: bool
) -> None:
    spec = load_table(table, settings=[("trained_for", trained_for)]).row(row)
    assert spec.trainings == trainings
    assert ("test" not in spec.seen_splits) == is_test_scored


def test_shipped_tables_make_both_and_the_embedded_dataset_one() -> None:
    for table, row in (("table2", 6), ("table3", 1), ("table3", 4)):
        assert load_table(table).row(row).trainings == BOTH
        assert load_table(table, mini=True).row(row).trainings == (FOR_TEST,)
    assert load_table("table3").row(31).trainings == (FOR_TEST,)  # nothing is trained


def experiment(root: Path, out: Path, table: str, row: int, trained_for: str) -> Experiment:
    """A row on a tiny root, for an epoch."""
    settings = [("max_epochs", 1), ("batch_size", 16), ("trained_for", trained_for)]
    return Planner(Dataset(root), out).experiment(load_table(table, mini=True, settings=settings).row(row), 0)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    model: dict[str, torch.Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)["model"]
    return model


@pytest.mark.parametrize(("table", "row"), [("table2", 8), ("table3", 19)])
def test_each_split_is_predicted_by_the_head_trained_for_it(
    shared_tiny_root: Path, tmp_path: Path, table: str, row: int
) -> None:
    made = {name: experiment(shared_tiny_root, tmp_path / name, table, row, name) for name in ("test", "challenge")}
    made["both"] = experiment(shared_tiny_root, tmp_path / "both", table, row, "both")

    def stop(stage: str, done: int, total: int) -> None:
        if stage.startswith("epoch") and (made["both"].folder / "predictions-test.zip").exists():
            raise Killed

    with pytest.raises(Killed):
        made["both"].run(device="cpu", progress=stop)
    results = {name: one.run(device="cpu", progress=silent) for name, one in made.items()}
    both = made["both"].folder
    for split, folder in (("test", both), ("challenge", both / "challenge")):
        alone = made[split].folder
        assert (both / f"predictions-{split}.zip").read_bytes() == (alone / f"predictions-{split}.zip").read_bytes()
        assert results["both"].scores[split] == results[split].scores[split]
        assert (folder / "history.csv").read_bytes() == (alone / "history.csv").read_bytes()
        expected = weights(alone)
        assert all(torch.equal(value, expected[name]) for name, value in weights(folder).items())
    about = torch.load(both / "challenge" / "checkpoint.pt", weights_only=True)["about"]
    assert about["trained_on"] == {"train": 2, "valid": 1}
    assert results["challenge"].scores["test"] is None


def test_rows_share_both_heads(shared_tiny_root: Path, tmp_path: Path) -> None:
    first, second = (experiment(shared_tiny_root, tmp_path, "table3", row, "both") for row in (5, 6))
    first.run(device="cpu", progress=silent)
    second.run(device="cpu", progress=silent)
    log = (second.folder / "log.txt").read_text()
    assert "INFO epoch" not in log
    assert f"the head is that of {first.folder}" in log
    assert weights(second.folder / "challenge").keys() == weights(first.folder / "challenge").keys()
