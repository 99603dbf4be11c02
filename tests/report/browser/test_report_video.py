"""A report next to the videos of its match: a click on the timeline seeks the right second of the right half."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soccerbench.report.html.matches import with_videos
from soccerbench.report.html.pages import page_of_submission
from soccerbench.report.html.render import render

AT_S = 6
VIDEO = "document.querySelector('video')"
LOADED = f"""(async () => {{
  const video = {VIDEO};
  const once = (name) => new Promise((done) => video.addEventListener(name, done, {{ once: true }}));
  if (video.readyState < 1) await once("loadedmetadata");
}})()"""
SOUGHT = f"(async () => {{ await window.sought; return {VIDEO}.currentTime; }})()"
WAIT = f"void (window.sought = new Promise((done) => {VIDEO}.addEventListener('seeked', done, {{ once: true }})))"
EVENT = """(() => {
  const canvas = document.querySelector("canvas");
  canvas.scrollIntoView({ block: "center" });
  const { x, y, width } = canvas.getBoundingClientRect(), [gutter, caption] = width < 560 ? [4, 12] : [136, 0];
  return [x + gutter + (width - gutter - 4) * AT_S / 60, y + 24 + caption + 7]; // the timeline shows a minute
})()""".replace("AT_S", str(AT_S))
SECOND_HALF = """(() => {
  const select = document.querySelectorAll("#timeline select")[1];
  select.value = 1;
  select.dispatchEvent(new Event("change"));
})()"""


@pytest.fixture
def report_file(film: Callable[[Path], None], tmp_path: Path) -> Path:
    game = tmp_path / "league" / "season" / "a match"
    game.mkdir(parents=True)
    film(game)
    events = [
        {"gameTime": f"{half} - 00:06", "half": str(half), "label": "Goal", "position": str(1000 * AT_S),
         "visibility": "visible", "confidence": "0.9"}
        for half in (1, 2)
    ]  # fmt: skip
    (game / "Labels-v2.json").write_text(json.dumps({"annotations": events}))
    (game / "results_spotting.json").write_text(json.dumps({"predictions": events}))
    page = page_of_submission(task="spotting", labels=tmp_path, predictions=tmp_path, split="all")
    file = tmp_path / "report.html"
    file.write_bytes(render(with_videos(page, tmp_path, file)))
    return file


def test_an_event_that_is_clicked_is_shown_two_seconds_before(browse: Any, report_file: Path) -> None:
    shown = browse(report_file)
    shown.evaluate(LOADED)
    shown.evaluate(WAIT)
    x, y = shown.evaluate(EVENT)
    for kind in ("mousePressed", "mouseReleased"):
        shown.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert shown.evaluate(SOUGHT) == pytest.approx(AT_S - 2, abs=0.1)

    shown.evaluate(SECOND_HALF)
    shown.evaluate(LOADED)
    assert shown.evaluate(f"{VIDEO}.src.endsWith('2.webm#t=2.500')")
    shown.evaluate("document.querySelector('canvas').focus()")
    shown.evaluate(WAIT)
    shown.press("n")
    assert shown.evaluate(SOUGHT) == pytest.approx(2.5 + AT_S - 2, abs=0.1)
    assert shown.errors == []
