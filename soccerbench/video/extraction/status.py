"""How far an extraction is, from the records in its folder; whichever processes and machines work on it.

Conventions
    done     the record has a file of this extraction for every model
    running  a process holds the lease of the half and its last heartbeat is recent
    rate     rows of the last halves that were finished over the time between the first and the last of these
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from soccerbench.lease import HEARTBEAT_S, MISSED_HEARTBEATS
from soccerbench.video.extraction.feature_files import RECORD, read_record
from soccerbench.video.extraction.job import Job
from soccerbench.video.extraction.plan import Plan
from soccerbench.video.extraction.videos import Half

RECENT = 50  # halves that the rate is taken from


@dataclass(frozen=True)
class Status:
    """Halves and rows, one a second of video, by state."""

    halves: dict[str, int]  # state -> count
    rows: dict[str, int]  # state -> rows
    rows_per_s: float | None  # of all machines together; None before two halves are done

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at this rate."""
        left = self.rows["running"] + self.rows["waiting"]
        return left / self.rows_per_s if self.rows_per_s else None


def status(planned: Plan) -> Status:
    """Look at every half that was planned."""
    states: dict[str, list[Half]] = {"done": [], "running": [], "waiting": [], "unusable": []}
    finished: list[tuple[float, int]] = []
    for half in planned.halves.good:
        folder = planned.job.out / half.game
        if _is_done(planned.job, half):
            states["done"].append(half)
            finished.append(((folder / f"{half.half}_{RECORD}").stat().st_mtime, half.rows))
        else:
            running = _beats(folder / f".{half.half}_{RECORD}.lease")
            states["running" if running else "waiting"].append(half)
    halves = {state: len(members) for state, members in states.items()} | {"unusable": len(planned.halves.bad)}
    rows = {state: sum(half.rows for half in members) for state, members in states.items()}
    return Status(halves, rows, _rate(sorted(finished)[-RECENT:]))


def _is_done(job: Job, half: Half) -> bool:
    record = read_record(job.out / half.game, half.half)
    wanted = {job.block(row.model): job.identity(row) for row in job.rows}
    return record is not None and all(
        block in record.features and wanted[block].items() <= record.features[block].identity.items()
        for block in wanted
    )


def _beats(lease: Path) -> bool:
    try:
        return time.time() - lease.stat().st_mtime < MISSED_HEARTBEATS * HEARTBEAT_S
    except FileNotFoundError:
        return False


def _rate(finished: list[tuple[float, int]]) -> float | None:
    """Rows a second; the first half only marks the beginning."""
    if len(finished) < 2 or finished[-1][0] == finished[0][0]:
        return None
    return sum(rows for _, rows in finished[1:]) / (finished[-1][0] - finished[0][0])
