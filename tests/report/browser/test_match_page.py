"""The match page of `spot` in a real browser: the video seeks, filter and slider work, on a desktop and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from soccerbench.events import Events
from soccerbench.inference.write import page
from soccerbench.soccernet.classes import CLASS_INDEX

SECONDS = 12
EVENTS = (
    (1, 4.0, "Goal", 0.9),
    (1, 9.5, "Foul", 0.6),
    (1, 7.0, "Corner", 0.2),
    (2, 6.0, "Penalty", 0.95),
)  # half, time_s, class, confidence
ROWS = "[...document.querySelectorAll('#list tbody tr')].map((row) => row.cells[1].textContent)"
READY = """(async () => {
  const video = document.querySelector("video");
  if (video.readyState < 1) await new Promise((done) => video.addEventListener("loadedmetadata", done, { once: true }));
  return video.duration;
})()"""
SEEK = """(async () => {
  const video = document.querySelector("video");
  const done = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  document.querySelectorAll(PLACE)[NUMBER].dispatchEvent(new MouseEvent("click", { bubbles: true }));
  await done;
  return video.currentTime;
})()"""

SLIDE = """(() => {
  const slider = document.querySelector("[type=range]");
  slider.value = VALUE;
  slider.dispatchEvent(new Event("input"));
})()"""


@pytest.fixture(scope="module")
def match_file(film: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page next to the videos of both halves."""
    folder = tmp_path_factory.mktemp("match")
    film(folder)
    half, time_s, names, confidence = zip(*EVENTS, strict=True)
    found = Events(
        half=np.array(half), label=np.array([CLASS_INDEX[name] for name in names]),
        position_ms=np.array([int(1000 * value) for value in time_s]), confidence=np.array(confidence),
    )  # fmt: skip
    run = SimpleNamespace(
        about=SimpleNamespace(simulated=True), title="table2 row 8",
        row=SimpleNamespace(head="netvlad++", features="five"),
    )  # fmt: skip
    match = SimpleNamespace(name="a match", videos={half: folder / f"{half}.webm" for half in (1, 2)})
    spotted: Any = SimpleNamespace(runs=[run], match=match, lengths_s={1: float(SECONDS), 2: 9.0})
    (folder / "match.html").write_bytes(page(spotted, found, folder=folder))
    return folder / "match.html"


@pytest.mark.parametrize("width", [1200, 390])
def test_the_video_seeks_and_the_filters_filter(browse: Any, match_file: Path, width: int) -> None:
    shown = browse(match_file, width=width, height=800)
    assert shown.evaluate(READY) == pytest.approx(SECONDS, abs=0.5)
    assert shown.evaluate(ROWS) == ["Goal", "Foul", "Penalty"]  # the slider begins at 0.5
    click = SEEK.replace("PLACE", "'#list button'")
    assert shown.evaluate(click.replace("NUMBER", "1")) == pytest.approx(9.5 - 2, abs=0.1)  # two seconds before
    assert "Foul" in shown.evaluate("document.querySelector('[aria-live]').textContent")
    circle = SEEK.replace("PLACE", "'#timeline circle'").replace("NUMBER", "0")
    assert shown.evaluate(circle) == pytest.approx(4.0 - 2, abs=0.1)
    late = click.replace("NUMBER", "2")  # the half begins 2.5 s into its file, as video.ini says
    assert shown.evaluate(late) == pytest.approx(2.5 + 6 - 2, abs=0.1)
    shown.evaluate(SLIDE.replace("VALUE", "0.1"))
    assert shown.evaluate(ROWS) == ["Goal", "Corner", "Foul", "Penalty"]
    box = f"document.querySelectorAll('fieldset input')[{CLASS_INDEX['Goal']}].click()"
    shown.evaluate(box)
    assert shown.evaluate(ROWS) == ["Corner", "Foul", "Penalty"]
    assert shown.evaluate("document.querySelectorAll('#timeline circle').length") == 3
    shown.evaluate(box)
    shown.evaluate(SLIDE.replace("VALUE", "0.99"))
    assert shown.evaluate(ROWS) == []
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shown.errors == []
    assert {request for request in shown.requests if not request.startswith("data:")} == {
        match_file.as_uri(), *(match_file.with_name(f"{half}.webm").as_uri() for half in (1, 2)),
    }  # fmt: skip
