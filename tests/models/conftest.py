from pathlib import Path

import pytest
from shared_data import SHARED

REFERENCE = SHARED


@pytest.fixture
def reference():
    """The path of a reference file by its name; the test is skipped where the data are not available."""

    def find(name: str) -> Path:
        path = REFERENCE / name
        if not path.exists():
            pytest.skip(f"no reference data: {name}")
        return path

    return find
