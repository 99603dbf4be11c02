"""The work of a row next to others, from the committed records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.executors.experiment_tasks import seconds, weights
from soccerbench.experiments.records import Record, read_record
from soccerbench.experiments.table import plan
from soccerbench.features.dataset import Dataset
from soccerbench.specs.load import load_table
from soccerbench.specs.shipped import shipped

RECORDS = [found for row in (1, 2, 7) if (found := read_record(shipped("results") / f"mini/table2/row-0{row}.json"))]


def took(mean: float, row: int, **spec: Any) -> Record:
    """A record of one row that took so many seconds."""
    seconds_of = RECORDS[0].seconds.model_copy(update={"mean": mean})
    return RECORDS[0].model_copy(update={"row": row, "spec": spec, "seconds": seconds_of})


@pytest.mark.parametrize(
    ("row", "spec", "expected_s"),
    [
        (1, {"head": "a", "max_epochs": 10}, 100),  # its own record
        (1, {"head": "a", "max_epochs": 20}, 200),  # the same for more epochs
        (9, {"head": "a", "max_epochs": 20}, 240),  # a row without a record: the median of head a, 10 and 14 s an epoch
        (9, {"head": "b", "max_epochs": 2}, 60),  # a row without a record: 30 s an epoch
        (9, {"head": "new", "max_epochs": 1}, 14),  # an unknown head: the median of all
        (4, {"head": "naive", "max_epochs": None}, 0.1),  # its record took no time
        (9, {"head": "naive"}, 0.1),  # nothing is trained
    ],
)
def test_seconds_of_a_row(row: int, spec: dict[str, Any], expected_s: float) -> None:
    records = [
        took(100, 1, head="a", max_epochs=10), took(140, 2, head="a", max_epochs=10),
        took(60, 3, head="b", max_epochs=2), took(0, 4, head="naive", max_epochs=None),
    ]  # fmt: skip
    assert seconds("table2", row, spec, records) == pytest.approx(expected_s)


def test_rows_of_a_table_have_the_ratios_of_their_records(shared_tiny_root: Path, tmp_path: Path) -> None:
    table = load_table("table2", mini=True, rows=[2, 7])
    planned = plan(table, rows=[2, 7], seeds=[0], root=Dataset(shared_tiny_root), out=tmp_path)
    found = weights(planned.experiments, shipped("results"))
    epochs = {row.row: row.max_epochs for row in table.rows}
    recorded = {
        f"table2 row {one.row}, seed 0": one.seconds.mean / one.spec["max_epochs"] * epochs[one.row]  # type: ignore[operator]
        for one in RECORDS[1:]
    }
    assert found == pytest.approx(recorded)
