"""The curves of a report as SVG: scores by tolerance and by class, and losses by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soccerbench.experiments.results import Run
from soccerbench.report.figures.drawing import ACCENT, INK, PAPER, picture

Scores = Mapping[str, float | None]
_CURVE_IN = (4.8, 2.8)
_CLASS_IN, _FRAME_IN = 0.24, 0.9  # height of one class, and of what is above and below the classes


def tolerance_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, metric: str) -> bytes:
    """Scores by tolerance, of name -> (tolerances in seconds, the score at each as a fraction).

    An empty curve keeps its colour for the curve of that name in another picture.
    """

    def draw(figure: Any) -> None:
        axes = _axes(figure, "tolerance (s)", f"{metric} (%)")
        for name, (tolerances_s, scores) in curves.items():
            label = name if scores else "_"  # not in the legend
            axes.plot(tolerances_s, [100 * score for score in scores], marker="o", markersize=2.5, label=label)
        axes.set_ylim(bottom=0)
        if len(curves) > 1:
            figure.legend(loc="outside right upper")

    return picture(draw, _CURVE_IN)[0]


def learning_curves(seeds: Sequence[Run]) -> bytes:
    """Losses by epoch, training dashed and validation solid, a colour a seed."""

    def draw(figure: Any) -> None:
        axes = _axes(figure, "epoch", "loss")
        for place, run in enumerate(seeds):
            for key, name, dash in (("train_loss", "training", "--"), ("valid_loss", "validation", "-")):
                points = [(one.epoch, loss) for one in run.history if (loss := getattr(one, key)) is not None]
                if points:
                    axes.plot(
                        *zip(*points, strict=True), dash, color=f"C{place}", label=f"seed {run.result.seed}, {name}"
                    )
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside right upper")

    return picture(draw, _CURVE_IN)[0]


def class_scores(scores: Scores, visible: Scores, unshown: Scores, *, metric: str) -> bytes:
    """A bar a class over all its events, and a dot each for the events that were shown and those that were not."""

    def draw(figure: Any) -> None:
        axes = _axes(figure, f"{metric} (%)", None)
        places, values = range(len(scores)), [100 * (value or 0) for value in scores.values()]
        axes.barh(places, values, color=ACCENT, height=0.6, label="all events")
        for found, face, edge, name in ((visible, INK, PAPER, "shown"), (unshown, PAPER, INK, "not shown")):
            points = [(100 * value, place) for place, value in enumerate(found.values()) if value is not None]
            if points:
                dots = {"s": 18, "facecolor": face, "edgecolor": edge, "linewidth": 0.8, "zorder": 3}
                axes.scatter(*zip(*points, strict=True), label=name, **dots)
        for place, value in enumerate(scores.values()):
            text = "-" if value is None else f"{100 * value:.1f}"
            axes.annotate(text, (1.14, place), xycoords=("axes fraction", "data"), ha="right", va="center")
        axes.set_yticks(places, list(scores))
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        figure.legend(loc="outside upper right", ncols=3)

    return picture(draw, (_CURVE_IN[0], _FRAME_IN + _CLASS_IN * len(scores)))[0]


def _axes(figure: Any, x: str, y: str | None) -> Any:
    axes = figure.subplots()
    axes.set_xlabel(x)
    if y is not None:
        axes.set_ylabel(y)
    axes.grid(axis="x" if y is None else "y")
    return axes
