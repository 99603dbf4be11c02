"""The confusion matrix of a video model as a picture.

Conventions
    rows    the true class, columns the predicted one; each row in per cent of its snippets
    colour  white is 0 %, dark is 100 %: readable in grey
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from soccerbench.experiments.results import Accuracy
from soccerbench.report.figures.drawing import write_pictures

COLOURS, ON_LIGHT, ON_DARK = "Blues", "#111111", "#fafafa"  # the cells look the same in dark mode
SHOWN: tuple[Literal["test"], Literal["valid"]] = ("test", "valid")  # the first of these that has snippets
LIGHT_ABOVE = 55.0  # per cent from which a number is written in white


def write_confusion(folder: Path, record: Accuracy) -> None:
    """Write `confusion.png` and `confusion.svg`; nothing where no split has snippets."""
    split = next((name for name in SHOWN if record.splits[name].snippets), None)
    if split is None:
        return
    write_pictures(folder, "confusion", lambda figure: _draw(figure, record, split), (8.6, 7.6))


def shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts (K, K) in per cent of their row; zero for a row without snippets."""
    totals = confusion.sum(axis=1, keepdims=True)
    return np.asarray(100 * confusion / np.maximum(totals, 1), dtype=np.float64)


def _draw(figure: Any, record: Accuracy, split: Literal["test", "valid"]) -> None:
    names, found = record.classes, record.splits[split]
    counts = np.array(found.confusion, dtype=np.int64)
    percent = shares(counts)
    axes = figure.subplots()
    axes.imshow(percent, cmap=COLOURS, vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = ON_DARK if percent[row, column] >= LIGHT_ABOVE else ON_LIGHT
        axes.text(column, row, f"{percent[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), [f"{name} ({total})" for name, total in zip(names, counts.sum(1), strict=True)])
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class (snippets)")
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(names)) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names)) - 0.5, minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(True)
    assert found.top1 is not None
    about = [record.model, f"top-1 {100 * found.top1:.1f} % of {found.snippets} {split} snippets"]
    about += ["shuffled training labels"] if record.labels == "shuffled" else []
    about += ["simulated videos"] if record.simulated else []
    axes.set_title(", ".join(about) + "\nper cent of each row")
