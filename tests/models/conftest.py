from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def reference():
    """The path of a reference file by its name; the test is skipped where the data are not at hand."""

    def find(name: str) -> Path:
        path = REFERENCE / name
        if not path.exists():
            pytest.skip(f"no reference data: {name}")
        return path

    return find
