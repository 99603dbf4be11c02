"""The video of one half: which file it is, which stretch of it, and what was read of it before it is decoded.

Conventions
    time   seconds from the first picture of the file, whatever time stamp the container gives it
    start  the time at which the half begins
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import av
from pydantic import Field

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.specs.base import Frozen
from soccerbench.video.decoding.half_file import INI, Stretch, stretch_of
from soccerbench.video.decoding.pictures import extent
from soccerbench.video.decoding.source import Source, opened

FAR_LONGER_S = 30 * 60
NOTED_S = 1
_TAG = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)", re.ASCII)


class Video(Frozen):
    """The video of one half, as the record of its features describes it; `folder` and `stop_s` are not recorded."""

    file: str  # its name
    width: int  # pixels, as stored
    height: int  # pixels, as stored
    duration_s: float  # of the half; without `video.ini`, from the first picture of the file to the end of the last
    fps: float  # on average
    start_s: float = 0.0  # where in the file the half begins, and row 0 is
    notes: tuple[str, ...] = ()  # what is unusual, a clause each
    folder: Annotated[Path, Field(exclude=True)] = Path()  # of the file
    stop_s: Annotated[float | None, Field(exclude=True)] = None  # its end, from its start; None: the end of the file

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.folder / self.file


def probe(path: Path) -> Video:
    """Decode the first picture of a file, read its last packets, and apply the `video.ini` in its folder.

    Raises:
        InputError: no video file, damage in what was read, or a `video.ini` that does not fit.
    """
    with opened(path) as source:
        begin, end = extent(source)
        duration_s = float((end - begin) * source.tick_s)
        fps = float(source.stream.average_rate or source.stream.guessed_rate or 0)
        notes = _notes(source, begin, end)
        size = {"width": source.stream.width, "height": source.stream.height}
        whole = Video(file=path.name, folder=path.parent, duration_s=duration_s, fps=fps, notes=notes, **size)
    stretch = stretch_of(path)
    return whole if stretch is None else _cut(whole, stretch)


def check_duration(video: Video, labels: Events, half: int) -> str | None:
    """What speaks against a video being that of its labels, in one line.

    None where the half's last event is inside the video and its end is not more than half an hour later.
    """
    positions = labels.position_ms[labels.half == half]
    if not len(positions):
        return None
    last_s = float(positions.max()) / 1000
    if last_s >= video.duration_s:
        count = int((positions >= 1000 * video.duration_s).sum())
        return f"{video.path}: lasts {video.duration_s:.1f} s, but {count} events are later, the last at {last_s:.1f} s"
    if video.duration_s > last_s + FAR_LONGER_S:
        return f"{video.path}: lasts {video.duration_s:.1f} s, half {half}'s last event is at {last_s:.1f} s already"
    return None


def _notes(source: Source, begin: int, end: int) -> tuple[str, ...]:
    """Where the file begins oddly, and where its stated end differs from that of its pictures."""
    notes = []
    if source.skipped:
        notes.append(f"{source.skipped} pictures before the first key picture are left out")
    container_s = Fraction(source.container.start_time or 0, av.time_base)
    if not source.skipped and (late_s := begin * source.tick_s - container_s) > NOTED_S:
        notes.append(f"the first picture comes {float(late_s):.1f} s after the sound; times count from the picture")
    stated_s = _stated_end_s(source)
    if stated_s is not None and abs(stated_s - end * source.tick_s) > NOTED_S:
        stated_s, lasts_s = stated_s - begin * source.tick_s, (end - begin) * source.tick_s
        notes.append(f"the pictures last {float(lasts_s):.1f} s, the file says {float(stated_s):.1f} s")
    return tuple(notes)


def _stated_end_s(source: Source) -> Fraction | None:
    """When the container says the last picture ends."""
    stream, container = source.stream, source.container
    tag = _TAG.fullmatch(stream.metadata.get("DURATION", ""))
    if tag:
        hours, minutes, seconds = tag.groups()
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    if stream.duration is not None and stream.duration > 0:
        return ((stream.start_time or 0) + stream.duration) * source.tick_s
    if container.duration is not None and container.duration > 0 and len(container.streams) == 1:
        return Fraction(container.duration + (container.start_time or 0), av.time_base)
    return None


def _cut(video: Video, stretch: Stretch) -> Video:
    """The stretch of a file that is the half."""
    start_s, ini = stretch.start_s, video.path.with_name(INI)
    left_s = video.duration_s - start_s
    if left_s <= 0:
        section, lasts_s = stretch.path.name, video.duration_s
        problem = f"[{section}] start_time_second = {start_s:g}, but the video lasts {lasts_s:.1f} s"
        raise InputError(ini, problem, "correct the section, or remove it if the file begins with the half")
    duration_s = min(left_s, left_s if stretch.duration_s is None else stretch.duration_s)
    notes = [*video.notes, f"{INI}: the half is seconds {start_s:g} to {start_s + duration_s:g} of the file"]
    if stretch.duration_s is not None and stretch.duration_s > left_s + NOTED_S:
        notes.append(f"{INI} says that it lasts {stretch.duration_s:g} s, but the file ends there")
    cut = {"start_s": start_s, "duration_s": duration_s, "stop_s": duration_s, "notes": tuple(notes)}
    return video.model_copy(update=cut)
