"""The events of a match as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from soccerbench.events import Events
from soccerbench.files import write_bytes
from soccerbench.inference.events import Found, csv_bytes, frame
from soccerbench.inference.page import LEAST, page
from soccerbench.inference.spotted import Spotted
from soccerbench.soccernet.grounding_predictions import GROUNDING_RESULTS, grounding_bytes
from soccerbench.soccernet.osl.document import GameFile, to_osl
from soccerbench.soccernet.spotting_predictions import SPOTTING_RESULTS, spotting_bytes

FORMATS = ("json", "csv", "html", "osl")
OSL_RESULTS = "results_osl.json"


def write(spotted: Spotted, found: Found, folder: Path, *, formats: Sequence[str], least: float = LEAST) -> list[Path]:
    """Write the events into a folder: the official JSON, `events.csv`, `events.html` and OSL-JSON.

    Args:
        least: confidence at which the page's slider begins.
    """
    check_formats(formats)
    results = SPOTTING_RESULTS if isinstance(found, Events) else GROUNDING_RESULTS
    made: dict[str, tuple[str, Callable[[], bytes]]] = {
        "json": (results, lambda: spotting_bytes(found) if isinstance(found, Events) else grounding_bytes(found)),
        "csv": ("events.csv", lambda: csv(found)),
        "osl": (OSL_RESULTS, lambda: osl(spotted, found) if isinstance(found, Events) else b""),
        "html": ("events.html", lambda: page(spotted, found, folder=folder, least=least)),
    }
    files = []
    if not isinstance(found, Events):
        formats = [name for name in formats if name != "osl"]  # it has no replays
    for name in dict.fromkeys(formats):
        file, content = made[name]
        write_bytes(folder / file, content())
        files.append(folder / file)
    return files


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


def check_formats(formats: Sequence[str]) -> None:
    """Raise ValueError for an unknown format."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"unknown format {unknown[0]!r}; the formats are {', '.join(FORMATS)}")


def csv(found: Found) -> bytes:
    """One line an event: time_s, half, class and confidence; of a replay also its start and end."""
    return csv_bytes(frame(found).rename(columns={"label": "class"}), "time_s", "half")
