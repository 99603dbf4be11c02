"""The JSON schemas in docs/schema are those of the code, and committed files follow them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soccerbench.experiments.records import read_record
from soccerbench.experiments.schema import schema_files

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDS = sorted((REPOSITORY / "results").glob("*/*/row-*.json"))


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


def test_there_are_records() -> None:
    assert len(RECORDS) > 20
