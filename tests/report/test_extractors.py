"""Table 1 as it is listed."""

from __future__ import annotations

from soccerbench.report.extractors import HEADER, grid_of_extractors
from soccerbench.specs import load_extractors, parse_setting


def test_only_what_was_published_is_shown() -> None:
    drawn = grid_of_extractors(load_extractors())
    assert [line[HEADER.index("Published")] for line in drawn.lines] == ["-", "78.9", "79.8", "78.6", "82.6", "80.4"]
    assert not any("easured" in text for text in (*drawn.header, *drawn.notes))
    assert any("78 to 82 %" in note for note in drawn.notes)
    assert any(note.startswith("Row 3: neither code nor weights of GTA") for note in drawn.notes)
    assert any(note == "Row 3: the accuracy published is that of SlowFast-R101." for note in drawn.notes)


def test_what_a_setting_may_have_changed_is_not_shown() -> None:
    table = load_extractors(models=["gta"], settings=[parse_setting("backbone=resnet18")])
    (line,) = grid_of_extractors(table).lines
    assert [line[HEADER.index(name)] for name in ("Width", "Parameters", "Backbone")] == ["-", "-", "resnet18"]
