"""The events of a match as a table for the terminal."""

from __future__ import annotations

from typing import Any

from soccerbench.inference.events import Found, frame
from soccerbench.inference.spotted import Spotted
from soccerbench.report.table import Column, Table, table

MOST = 50


def spotted_table(spotted: Spotted, found: Found, *, least: float) -> Table[Any]:
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
    return table(f"{spotted.match.name}: events", columns, events[:MOST], notes)
