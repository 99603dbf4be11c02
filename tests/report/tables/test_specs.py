"""Table 1: published and measured accuracies of the video models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soccerbench.errors import InputError
from soccerbench.report.tables.specs import accuracies, table_of_extractors
from soccerbench.specs.load import parse_setting
from soccerbench.specs.shipped import shipped
from soccerbench.specs.video_models import load_extractors


def write(results: Path, name: str, **record: Any) -> None:
    folder = results / "videos" / "finetuned"
    folder.mkdir(parents=True, exist_ok=True)
    committed = json.loads((shipped("results") / "videos" / "finetuned" / "ircsn.json").read_bytes())
    content = committed | {"model": "gta", "spec": {}} | record
    (folder / f"{name}.json").write_text(json.dumps(content))


def column(name: str, results: Path) -> dict[str, str]:
    """A column of the table by model."""
    drawn = table_of_extractors(load_extractors(), accuracies(results))
    return {line[drawn.header.index("Model")]: line[drawn.header.index(name)] for line in drawn.lines}


def test_without_records_nothing_is_measured(tmp_path: Path) -> None:
    assert set(column("Measured", tmp_path).values()) == {"-"}
    drawn = table_of_extractors(load_extractors(), accuracies(tmp_path))
    assert not any("Measured" in note or "simulated" in note for note in drawn.notes)
    assert any("78 to 82 %" in note for note in drawn.notes)
    assert any(note.startswith("Row 3: neither code nor weights of GTA") for note in drawn.notes)
    assert any(note == "Row 3: the accuracy published is that of SlowFast-R101." for note in drawn.notes)


def test_published_and_measured(tmp_path: Path) -> None:
    write(tmp_path, "gta-seed-0", top1=0.90)
    write(tmp_path, "gta-seed-1", top1=0.80)
    write(tmp_path, "vtn", model="vtn", top1=0.8125, simulated=False)
    write(tmp_path, "ircsn", model="ircsn", top1=None)
    assert column("Measured", tmp_path) == {
        "tpn-r50": "-",
        "tpn-r101": "-",
        "gta": "(85.0 ± 7.1)",
        "vtn": "81.2",
        "ircsn": "-",
        "i3d-slow": "-",
    }
    assert list(column("Published", tmp_path).values()) == ["-", "78.9", "79.8", "78.6", "82.6", "80.4"]
    drawn = table_of_extractors(load_extractors(), accuracies(tmp_path))
    assert any(note.startswith("In brackets: ") and "not comparable" in note for note in drawn.notes)


def test_settings_of_a_smaller_model_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "vtn", model="vtn", spec={"changed": ["size=32", "layers=1"]})
    drawn = table_of_extractors(load_extractors(), accuracies(tmp_path))
    assert "Measured on vtn with size=32, layers=1." in drawn.notes


def test_on_real_videos_nothing_is_called_simulated(tmp_path: Path) -> None:
    write(tmp_path, "gta", simulated=False, dataset="SoccerNet")
    drawn = table_of_extractors(load_extractors(), accuracies(tmp_path))
    assert any("test snippets of SoccerNet" in note for note in drawn.notes)
    assert not any("Simulated" in note for note in drawn.notes)


def test_values_that_a_setting_may_have_changed_are_not_shown(tmp_path: Path) -> None:
    table = load_extractors(models=["gta"], settings=[parse_setting("backbone=resnet18")])
    drawn = table_of_extractors(table, [])
    (line,) = drawn.lines
    assert [line[drawn.header.index(name)] for name in ("Width", "Parameters", "Backbone")] == ["-", "-", "resnet18"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": "gta"}'])
def test_files_that_are_not_records(tmp_path: Path, content: str) -> None:
    write(tmp_path, "gta")
    (tmp_path / "videos" / "finetuned" / "gta.json").write_text(content)
    with pytest.raises(InputError, match=r"gta\.json: .*--force"):
        accuracies(tmp_path)
