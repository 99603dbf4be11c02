"""The notebooks in `examples/` and the script in docs/python.md run as they are, on data small enough for seconds."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from test_docs import write_zips

from soccerbench.simulation.matches import write

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(file: Path) -> list[str]:
    """The code of a notebook's cells, or of a page's Python blocks."""
    if file.suffix == ".md":
        return re.findall(r"^```python\n(.*?)^```", file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    found = json.loads(file.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def folder(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What they name."""
    place = tmp_path_factory.mktemp("examples")
    write_zips(place)
    game = next(shared_tiny_root.glob("*/*/*test*"))
    shutil.copytree(game, place / "match", ignore=shutil.ignore_patterns("Labels*"))
    return place


@pytest.mark.xdist_group("examples")
@pytest.mark.parametrize("file", [*NOTEBOOKS, ROOT / "docs" / "python.md"], ids=lambda file: file.stem)
def test_an_example_runs(folder: Path, shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(write, "cached_mini", lambda: shared_tiny_root)
    names: dict[str, object] = {}
    assert cells(file)
    for number, cell in enumerate(cells(file)):
        exec(compile(cell, f"{file.name}, cell {number}", "exec"), names)


def test_notebooks_are_kept_without_output() -> None:
    assert len(NOTEBOOKS) >= 4
    for file in NOTEBOOKS:
        for cell in json.loads(file.read_text("utf-8"))["cells"]:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
