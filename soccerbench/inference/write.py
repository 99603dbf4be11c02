"""The events of a match as files: the official JSON, CSV, OSL-JSON, and one HTML page.

The page has a timeline, a filter, and a video that jumps to an event. It loads nothing but the videos: those next to
it, or those that its reader chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from soccerbench.events import Events
from soccerbench.files import write_bytes
from soccerbench.inference.events import Found, csv_bytes, frame
from soccerbench.inference.spotted import Spotted
from soccerbench.report.html.render import TEMPLATES as REPORT
from soccerbench.report.html.render import self_contained
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.grounding_predictions import GROUNDING_RESULTS, grounding_bytes
from soccerbench.soccernet.osl.document import GameFile, to_osl
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULTS, spotting_bytes
from soccerbench.video.decoding.half_file import address

FORMATS = ("json", "csv", "html", "osl")
OSL_RESULTS = "results_osl.json"
TEMPLATES = Path(__file__).parent / "templates"
LEAST = 0.5  # where the slider of the page begins


def write(spotted: Spotted, found: Found, folder: Path, *, formats: Sequence[str], least: float = LEAST) -> list[Path]:
    """Write the events into a folder; the slider of the page begins at a confidence of `least`."""
    check_formats(formats)
    results = SPOTTING_RESULTS if isinstance(found, Events) else GROUNDING_RESULTS
    made: dict[str, tuple[str, Callable[[], bytes]]] = {
        "json": (results, lambda: spotting_bytes(found) if isinstance(found, Events) else grounding_bytes(found)),
        "csv": ("events.csv", lambda: csv(found)),
        "osl": (OSL_RESULTS, lambda: osl(spotted, found) if isinstance(found, Events) else b""),
        "html": ("events.html", lambda: page(spotted, found, folder=folder, least=least)),
    }
    if not isinstance(found, Events):
        del made["osl"]  # it has no replays
    files = []
    for file, content in (made[name] for name in dict.fromkeys(formats) if name in made):
        write_bytes(folder / file, content())
        files.append(folder / file)
    return files


def check_formats(formats: Sequence[str]) -> None:
    """Raise ValueError for an unknown format."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"unknown format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")


def csv(found: Found) -> bytes:
    """One line an event: time_s, half, class and confidence; of a replay also its start and end."""
    return csv_bytes(frame(found).rename(columns={"label": "class"}), "time_s", "half")


def osl(spotted: Spotted, found: Events) -> bytes:
    """OSL-JSON, version 2: an item a half, with its video, or else its features."""
    file = GameFile(spotted.match.name, SPOTTING_RESULTS, orjson.loads(spotting_bytes(found)))
    document = to_osl([(file, Path(SPOTTING_RESULTS))])
    for half, item in enumerate(document["data"], 1):
        if video := spotted.match.videos.get(half):
            item["inputs"] = [{"path": str(video), "type": "video"}]
        elif features := spotted.match.features.get(half):
            item["inputs"] = [{"path": str(features), "type": "features", "fps": spotted.runs[0].fps}]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def page(spotted: Spotted, found: Found, *, folder: Path, least: float = LEAST) -> bytes:
    """The page, for `folder`, from which the paths of the videos start; its slider begins at `least`."""
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
