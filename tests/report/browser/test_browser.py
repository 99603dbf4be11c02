"""The report in a real browser: no error, no request, quick, usable with the keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_data import SHARED

from soccerbench.experiments.results import read_runs
from soccerbench.features.dataset import Dataset
from soccerbench.report.html.pages import page_of_runs, page_of_submission
from soccerbench.report.html.render import render

QUICK_MS = 200
SHOWN = "[...document.querySelectorAll('#scores figure')].filter((figure) => figure.clientHeight)"
CORNER = """(async () => {
  await document.images[0].decode();
  const pen = document.createElement("canvas").getContext("2d");
  pen.drawImage(document.images[0], 0, 0);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
})()"""
KEYS = """(keys) => {
  const canvas = document.querySelector("canvas");
  return keys.map((key) => {
    const start = performance.now();
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    return performance.now() - start;
  });
}"""


@pytest.fixture(scope="module")
def hostile_file(hostile: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels, predictions = hostile
    file = tmp_path_factory.mktemp("page") / "report.html"
    page = page_of_submission(task="spotting", labels=labels, predictions=predictions, split="all")
    file.write_bytes(render(page))
    return file


@pytest.fixture(scope="module")
def runs_file(
    shared_tiny_root: Path, train_rows: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    runs = read_runs(train_rows(shared_tiny_root, folder, 7, 8))
    (folder / "report.html").write_bytes(render(page_of_runs(runs, Dataset(shared_tiny_root))))
    return folder / "report.html"


def settled(page: Any, file: Path) -> None:
    """Nothing was logged, and nothing but the file itself was asked for."""
    assert page.errors == []
    assert [request for request in page.requests if not request.startswith("data:")] == [file.as_uri()]


def test_hostile_names_are_shown_as_text(browse: Any, hostile_file: Path, hostile: tuple[Path, Path]) -> None:
    page = browse(hostile_file)
    shown = page.evaluate(
        "[...document.querySelectorAll('#timeline .controls option')].map((option) => option.textContent)"
    )
    names = {path.parent.relative_to(hostile[0]).as_posix() for path in hostile[0].rglob("Labels-v2.json")}
    assert names < set(shown)
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.evaluate(
        "[...document.images].every(({ src, naturalWidth }) => src.startsWith('data:') && naturalWidth > 0)"
    )
    settled(page, hostile_file)


def test_every_section_is_drawn_and_the_row_can_be_changed(browse: Any, runs_file: Path) -> None:
    page = browse(runs_file)
    assert page.evaluate(f"{SHOWN}.length") == 2  # scores by class, learning curve
    assert page.evaluate("document.querySelectorAll('#errors table').length") >= 2
    painted = "document.querySelector('canvas').toDataURL()"
    first = page.evaluate(painted)
    page.evaluate("""(() => {
        const select = document.querySelector("#picker select");
        select.value = 1;
        select.dispatchEvent(new Event("change"));
    })()""")
    assert page.evaluate(painted) != first
    assert page.evaluate(f"{SHOWN}.every((figure) => figure.dataset.entry === '1')")
    assert page.evaluate(f"{SHOWN}.length") == 2
    assert page.evaluate("document.querySelector('#picker select').value") == "1"
    settled(page, runs_file)


def test_the_keyboard_zooms_moves_and_reads_out(browse: Any, runs_file: Path) -> None:
    page = browse(runs_file)
    page.evaluate("document.querySelector('canvas').focus()")
    page.press("n")
    first = page.evaluate("document.querySelector('.readout').textContent")
    assert first.startswith(("Event at", "Detection at"))
    page.press("n")
    assert page.evaluate("document.querySelector('.readout').textContent") != first
    page.press("Escape")
    assert page.evaluate("document.querySelector('.readout').textContent") == ""
    page.press("+")
    page.press("ArrowRight")
    settled(page, runs_file)


def test_the_pointer_reads_what_it_is_over(browse: Any, runs_file: Path) -> None:
    page = browse(runs_file)
    page.evaluate("document.querySelector('canvas').scrollIntoView({ block: 'center' })")
    box = page.evaluate("(({ x, y, width, height }) => [x, y, width, height])"
                        "(document.querySelector('canvas').getBoundingClientRect())")  # fmt: skip
    found = set()
    for step in range(60):
        page.move(box[0] + 140 + step * (box[2] - 150) / 60, box[1] + 31)
        found.add(page.evaluate("document.querySelector('.readout').textContent"))
    assert any(text.startswith("Event at") for text in found)


def test_a_class_can_be_filtered_out(browse: Any, runs_file: Path) -> None:
    page = browse(runs_file)
    height = page.evaluate("document.querySelector('canvas').clientHeight")
    page.evaluate("document.querySelector('#timeline fieldset input').click()")
    assert page.evaluate("document.querySelector('canvas').clientHeight") == height - 26


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_without_scrolling_sideways(browse: Any, hostile_file: Path, dark: bool) -> None:
    page = browse(hostile_file, width=390, height=844, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
    assert page.evaluate(CORNER) == ([20, 23, 26] if dark else [255, 255, 255])  # pictures follow the page
    hidden = "[...document.querySelectorAll('td')].filter((cell) => cell.getBoundingClientRect().right > 390).length"
    assert page.evaluate(hidden) == 0
    settled(page, hostile_file)


def test_a_zoom_is_quick_on_a_real_submission(browse: Any, tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip("no reference data")
    page = page_of_submission(
        task="spotting",
        labels=SHARED / "soccernet_v2_labels.zip",
        predictions=SHARED / "netvlad_v2_results_spotting_test.zip",
        split="test",
    )
    file = tmp_path / "report.html"
    file.write_bytes(render(page))
    assert file.stat().st_size < 5_000_000
    shown = browse(file)
    times = shown.evaluate(f"({KEYS})({['+', '-', '+', '+', 'ArrowRight', '0', 'n']})")
    assert max(times) < QUICK_MS
    settled(shown, file)
