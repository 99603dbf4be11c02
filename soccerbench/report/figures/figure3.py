"""Figure 3: how long after an event its replay ends, and which events are replayed.

Conventions
    interval  end of the replay minus time of its event, where both are in one half; negative where the replay is first
    share     of the intervals that are in the window, both edges counted
    classes   every linked replay counts, also one of an event of the other half
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.files import write_bytes, write_json
from soccerbench.report.figures.drawing import ACCENT, PALE, write_pictures
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.replays import CAMERA_LABELS, GameReplays, read_replays
from soccerbench.specs.figures import Figure3


def intervals_of(games: Sequence[GameReplays]) -> NDArray[np.float64]:
    """(N,) seconds from event to end of replay, of all replays of an event of their half."""
    pairs = [(replay, replay.link) for game in games for replay in game.replays if replay.same_half]
    ends_ms = [(replay.end_ms, link.position_ms, link.second) for replay, link in pairs if link is not None]
    return np.array(
        [(end - (1000 * second if event is None else event)) / 1000 for end, event, second in ends_ms], dtype=np.float64
    )


def read_games(root: Dataset, spec: Figure3) -> list[GameReplays]:
    """The replays of every game of the figure's splits that has camera annotations."""
    games = [game for split in spec.splits for game in root.games[split] if f"{game}/{CAMERA_LABELS}" in root.tree]
    if not games:
        raise InputError(root.path, f"no game has a {CAMERA_LABELS}", "download the camera annotations")
    return [read_replays(root.tree, game, strict=False, file=CAMERA_LABELS) for game in games]


def summary(games: Sequence[GameReplays], spec: Figure3, *, dataset: str, simulated: bool) -> dict[str, Any]:
    """What `figure3.json` holds; the published share only next to real data.

    Classes are label -> replays that show it, most first; of equals in the official order.
    """
    replays = [replay for game in games for replay in game.replays]
    labels = [replay.link.label for replay in replays if replay.link is not None]
    counted, intervals_s = Counter(labels), intervals_of(games)
    edges, counts = histogram(intervals_s, spec)
    low_s, high_s = spec.window_s
    inside = (intervals_s >= low_s) & (intervals_s <= high_s)
    return {
        "figure": spec.figure,
        "source": spec.source,
        "dataset": dataset,
        "simulated": simulated,
        "games": len(games),
        "replays": len(replays),
        "replays_of_the_other_half": len(labels) - len(intervals_s),
        "replays_without_link": len(replays) - len(labels),
        "intervals": len(intervals_s),
        "window_s": list(spec.window_s),
        "share": float(inside.mean()) if len(inside) else None,
        "published_share": None if simulated else spec.published_percent / 100,
        "histogram": {"edges_s": edges.tolist(), "counts": counts.tolist()},
        "classes": {
            CLASSES[label]: counted[label]
            for label in sorted(range(len(CLASSES)), key=lambda label: (-counted[label], label))
        },
    }


def histogram(intervals_s: NDArray[np.float64], spec: Figure3) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges (B + 1,) and counts (B,) of the bars; the outer ones hold what is beyond them too."""
    low, high = spec.range_s
    edges = np.linspace(low, high, round((high - low) / spec.bin_s) + 1)
    bars = np.clip(np.searchsorted(edges, intervals_s, side="right") - 1, 0, len(edges) - 2)
    return edges, np.bincount(bars, minlength=len(edges) - 1)


def write_figure3(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `figure3.png`, `.svg`, `.csv` and `.json`."""
    write_json(folder / "figure3.json", content)
    write_bytes(folder / "figure3.csv", _csv(content).encode())
    write_pictures(folder, "figure3", lambda figure: _draw(figure, content), (10, 4.2))


def _csv(content: Mapping[str, Any]) -> str:
    edges, counts = content["histogram"]["edges_s"], content["histogram"]["counts"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "from_s", "to_s", "class", "replays"])
    writer.writerows(
        ["a", f"{low:g}", f"{high:g}", "", count]
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    writer.writerows(["b", "", "", label, count] for label, count in content["classes"].items())
    return text.getvalue()


def _draw(figure: Any, content: Mapping[str, Any]) -> None:
    simulated = ", simulated" if content["simulated"] else ""
    figure.suptitle(f"Replays of {content['games']} games, {content['dataset']}{simulated}")
    intervals, classes = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_intervals(intervals, content)
    _draw_classes(classes, content["classes"])


def _draw_intervals(axes: Any, content: Mapping[str, Any]) -> None:
    edges, (low, high) = content["histogram"]["edges_s"], content["window_s"]
    axes.axvspan(low, high, color=PALE, zorder=0, linewidth=0)
    axes.stairs(content["histogram"]["counts"], edges, fill=True, color=ACCENT)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("time from event to end of replay (s); outer bars: and beyond")
    axes.set_ylabel("replays")
    share = content["share"]
    text = "no replay with its event" if share is None else f"{100 * share:.2f} % in {low:g} to {high:g} s"
    if content["published_share"] is not None:
        text += f"\n(published {100 * content['published_share']:.2f} %)"
    axes.annotate(text, (0.98, 0.95), xycoords="axes fraction", ha="right", va="top")
    axes.set_title("(a) intervals")


def _draw_classes(axes: Any, classes: Mapping[str, int]) -> None:
    axes.barh(list(classes), list(classes.values()), color=ACCENT)
    axes.invert_yaxis()
    for place, count in enumerate(classes.values()):
        axes.annotate(f" {count}", (count, place), va="center", fontsize=8)
    axes.set_xlabel("replays")
    axes.set_title("(b) events shown")
    axes.margins(x=0.12)
