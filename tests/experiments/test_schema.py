"""The JSON schemas in docs/schema are those of the code, and committed files follow them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soccerbench.errors import InputError
from soccerbench.experiments.records import read_record
from soccerbench.experiments.results import read_accuracy
from soccerbench.experiments.schema import schema_files

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDS = sorted((REPOSITORY / "results").glob("*/*/row-*.json"))
ACCURACIES = sorted(
    file for kind in ("finetuned", "resnet18") for file in (REPOSITORY / "results" / "videos" / kind).glob("*.json")
)


def test_committed_schemas_are_up_to_date() -> None:
    """`python -m soccerbench.experiments.schema docs/schema` writes them."""
    committed = {file.name: file.read_bytes() for file in (REPOSITORY / "docs" / "schema").glob("*.json")}
    assert committed == schema_files()


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_committed_records_are_read(file: Path) -> None:
    record = read_record(file)
    assert record is not None
    assert record.version == 1
    assert record.measures


@pytest.mark.parametrize("file", ACCURACIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_committed_accuracies_are_read_and_written_as_they_are(file: Path) -> None:
    accuracy = read_accuracy(file)
    assert accuracy.to_json() == json.loads(file.read_bytes())


@pytest.mark.parametrize(("path", "value", "said"), [
    (["top1"], "high", "top1: "),
    (["version"], 2, "version: "),
    (["splits", "test", "snippets"], 1, "splits.test: not of its 1 snippets"),
    (["splits", "test", "per_class", "Goal"], [], "splits.test.per_class.Goal"),
    (["splits", "valid", "confusion", 3], [1], "splits.valid: not of"),
    (["splits", "valid", "confusion", 3, 3], 2**63, "less than"),
    (["splits"], {}, "splits: not valid and test"),
    (["extra"], 1, "unknown key"),
])  # fmt: skip
def test_a_damaged_accuracy_is_one_line(tmp_path: Path, path: list[Any], value: Any, said: str) -> None:
    content = json.loads(ACCURACIES[0].read_bytes())
    *places, last = path
    holder = content
    for place in places:
        holder = holder[place]
    holder[last] = value
    (tmp_path / "accuracy.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"accuracy\.json: is not a record of a fine-tuning: .*--force") as caught:
        read_accuracy(tmp_path / "accuracy.json")
    assert said in str(caught.value)


def test_there_are_records() -> None:
    assert len(RECORDS) > 20
    assert len(ACCURACIES) == 4
