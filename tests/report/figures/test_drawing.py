"""Pictures: the same bytes each time, text that stays text, a dark colour for each light one."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from soccerbench.report.figures.curves import class_scores, tolerance_curves
from soccerbench.report.figures.drawing import DARK, INK, LINES, picture, write_pictures


def draw(figure: Any) -> None:
    figure.subplots().set_title("$x$ <b>&amp;")


def test_the_same_drawing_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_pictures(tmp_path, name, draw, (2, 2))
    for kind in ("png", "svg"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_text_is_neither_mathematics_nor_markup() -> None:
    (svg,) = picture(draw, (2, 2))
    assert "$x$ <b>&amp;" in list(ET.fromstring(svg).itertext())


def test_every_colour_of_a_curve_has_a_dark_one() -> None:
    svg = tolerance_curves({f"row {row}": ([1, 5], [0.1, 0.5]) for row in range(9)}, metric="mAP").decode()
    style, drawn = svg.split("</style>", 1)
    used = {part[:7] for part in drawn.replace("fill: ", "stroke: ").split("stroke: ")[1:] if part.startswith("#")}
    assert INK in used
    assert used - {"#000000"} <= set(DARK)
    assert all(f'[style*="stroke: {colour}"]' in style for colour in used & set(DARK))


def test_a_row_without_scores_leaves_the_colours_of_the_others() -> None:
    curve = ([1, 5], [0.1, 0.5])
    svg = tolerance_curves({"row 1": ([], []), "row 2": curve, "row 3": curve}, metric="mAP").decode()
    assert f"stroke: {LINES[1]}" in svg
    assert f"stroke: {LINES[0]}" not in svg.split("</style>", 1)[1]
    assert ">row 2<" in svg
    assert ">row 1<" not in svg


def test_axes_and_curves_are_labelled() -> None:
    svg = tolerance_curves({"row 1": ([1, 5], [0.1, 0.5]), "row 2": ([1, 5], [0.2, 0.6])}, metric="mAP").decode()
    for text in ("tolerance (s)", "mAP (%)", "row 1", "row 2"):
        assert f">{text}<" in svg
    bars = class_scores(
        {"Goal": 0.5, "Foul": None}, {"Goal": 0.6}, {"Goal": None}, metric="average-mAP, loose"
    ).decode()
    for text in ("average-mAP, loose (%)", "Goal", "50.0", "-", "all events", "shown"):
        assert f">{text}<" in bars
    assert ">not shown<" not in bars  # no class has a score of these
