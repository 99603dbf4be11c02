"""The JSON schema of every typed file and `--json` object.

`python -m soccerbench.experiments.schema docs/schema` writes them into a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from soccerbench.experiments.drift import CheckReport
from soccerbench.experiments.records import Record
from soccerbench.experiments.results import Accuracy, Result
from soccerbench.files import write_bytes
from soccerbench.scoring.schema import ComparisonReport, GroundingScores, Report, SpottingScores

SCHEMAS: dict[str, type[Report]] = {
    "result": Result,
    "accuracy": Accuracy,
    "record": Record,
    "check": CheckReport,
    "evaluate-spotting": SpottingScores,
    "evaluate-grounding": GroundingScores,
    "compare": ComparisonReport,
}


def schema_files() -> dict[str, bytes]:
    """File name -> JSON schema."""
    return {
        f"{name}.json": orjson.dumps(kind.model_json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        + b"\n"
        for name, kind in SCHEMAS.items()
    }


if __name__ == "__main__":
    for name, content in schema_files().items():
        write_bytes(Path(sys.argv[1]) / name, content)
