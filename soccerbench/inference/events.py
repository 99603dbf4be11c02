"""Events and detections as pandas frames and as a table for the terminal, and a choice of them.

Conventions
    half        1 or 2
    time_s      seconds from the start of the half
    confidence  in [0, 1]
    order       by half and time, then the most confident first
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from soccerbench.events import Events
from soccerbench.report.table import Column, Table, table
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions

if TYPE_CHECKING:
    import pandas as pd

Found = Events | GroundingPredictions
MOST = 50  # lines of a table


def frame(found: Found) -> pd.DataFrame:
    """One row an event: half, time_s, label, and confidence or visible.

    Of a replay's detections: half, start_s and end_s of the replay, time_s, confidence.
    """
    import pandas as pd

    columns: dict[str, Any]
    if isinstance(found, Events):
        columns = {"half": found.half, "time_s": found.position_ms / 1000}
        columns["label"] = np.array(CLASSES, dtype=object)[found.label]
        columns |= {"visible": found.shown} if found.confidence is None else {"confidence": found.confidence}
    else:
        counts = [len(replay.time_s) for replay in found.replays]
        columns = {
            name: np.repeat(np.array([getattr(replay, name) for replay in found.replays], dtype=np.int64), counts)
            for name in ("half", "start_s", "end_s")
        }
        columns["time_s"] = np.concatenate([np.empty(0), *(replay.time_s for replay in found.replays)])
        columns["confidence"] = np.concatenate([np.empty(0), *(replay.score for replay in found.replays)])
    by = [name for name in ("half", "start_s", "time_s", "confidence") if name in columns]
    upwards = [name != "confidence" for name in by]
    made: pd.DataFrame = pd.DataFrame(columns).sort_values(by, ascending=upwards, kind="stable", ignore_index=True)
    return made


def csv_bytes(events: pd.DataFrame, *first: str) -> bytes:
    """A frame as CSV, some columns before the others."""
    text: str = events[[*first, *(name for name in events.columns if name not in first)]].to_csv(index=False)
    return text.encode()


def events_table(match: str, found: Found, *, least: float) -> Table[Any]:
    """The events of at least some confidence, by half and time; at most `MOST` of them."""
    entries = frame(found).to_dict(orient="records")
    events, total = [entry for entry in entries if entry["confidence"] >= least], len(entries)
    columns: list[Column[Any]] = [
        Column("Half", lambda event: event["half"], "d"),
        Column("Time", lambda event: f"{int(event['time_s']) // 60:02d}:{int(event['time_s']) % 60:02d}"),
        Column("Event", lambda event: event.get("label") or f"replayed {event['start_s']} to {event['end_s']} s"),
        Column("Confidence", lambda event: event["confidence"], ".2f"),
    ]
    notes = [f"{len(events)} of {total} events have a confidence of at least {least:g}; the files have all {total}."]
    if len(events) > MOST:
        notes.append(f"The first {MOST} of them are shown.")
    return table(f"{match}: events", columns, events[:MOST], notes)


def chosen(found: Found, *, min_confidence: float = 0.0, classes: Sequence[str] | None = None) -> Found:
    """The detections that are confident enough and of some classes."""
    if isinstance(found, Events):
        unknown = [name for name in classes or () if name not in CLASS_INDEX]
        if unknown:
            raise ValueError(f"unknown class {unknown[0]!r}; the classes are {', '.join(CLASSES)}")
        wanted = range(len(CLASSES)) if classes is None else [CLASS_INDEX[name] for name in classes]
        return found.take((found.confidences >= min_confidence) & np.isin(found.label, wanted))
    if classes is not None:
        raise ValueError("replays are not detected by class; leave the classes out")
    replays = []
    for replay in found.replays:
        kept = replay.score >= min_confidence
        replays.append(replace(replay, time_s=replay.time_s[kept], score=replay.score[kept]))
    return replace(found, replays=tuple(replays))
