"""The events of a match as one HTML page: timeline, filter, and a video that jumps to an event.

The page loads nothing but the videos: those next to it, or those that its reader chooses.
"""

from __future__ import annotations

from pathlib import Path

from soccerbench.events import Events
from soccerbench.inference.events import Found, frame
from soccerbench.inference.spotted import Spotted
from soccerbench.report.html.render import TEMPLATES as REPORT
from soccerbench.report.html.render import self_contained
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.video.decoding.half_file import address

TEMPLATES = Path(__file__).parent / "templates"
LEAST = 0.5  # where the slider begins


def page(spotted: Spotted, found: Found, *, folder: Path, least: float = LEAST) -> bytes:
    """The page.

    Args:
        folder: where the page will be, for the paths of the videos.
        least: confidence at which the slider begins.
    """
    simulated = ", trained on simulated data" if any(run.about.simulated for run in spotted.runs) else ""
    return self_contained(
        TEMPLATES / "match.html",
        styles=[REPORT / "report.css", TEMPLATES / "match.css"],
        scripts=[REPORT / "dom.js", TEMPLATES / "match.js"],
        data=_data(spotted, found, folder, least),
        media="media-src 'self' file: blob:; ",
        title=f"Events of {spotted.match.name}",
        made_by=" and ".join(f"{run.title} ({run.row.head}, {run.row.features})" for run in spotted.runs) + simulated,
    )


def _data(spotted: Spotted, found: Found, folder: Path, least: float) -> dict[str, object]:
    events = frame(found)
    if isinstance(found, Events):
        names, text = CLASSES, events["label"].tolist()
        labels = [CLASS_INDEX[name] for name in text]
    else:
        names, labels = ("Replayed event",), [0] * len(events)
        replays = zip(events["start_s"], events["end_s"], strict=True)
        text = [f"shown by the replay from {start} to {end} s" for start, end in replays]
    columns = (events["half"].tolist(), events["time_s"].tolist(), labels, events["confidence"].round(4).tolist(), text)
    videos = {str(half): address(path, folder) for half, path in spotted.match.videos.items()}
    return {
        "names": names, "events": list(zip(*columns, strict=True)), "least": least, "videos": videos,
        "halves": sorted(spotted.lengths_s), "lengths": {str(half): value for half, value in spotted.lengths_s.items()},
    }  # fmt: skip
