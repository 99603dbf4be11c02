"""The video of one half: which file it is, which stretch of it, and what was read of it before it is decoded.

SoccerNet's videos in high definition are whole recordings. `video.ini` in the folder of a game says where each half is:

    [1_HQ.mkv]
    start_time_second = 20
    duration_second = 2700

Labels count from there, and so do rows and snippets. A section counts for the file of that name, whatever its suffix;
files without a section begin with the half.

Conventions
    time   seconds from the first picture of the file, whatever time stamp the container gives it
    start  the time at which the half begins
"""

from __future__ import annotations

import math
import re
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.video.decoding.pictures import extent
from soccerbench.video.decoding.source import CONTAINERS, Source, opened

INI = "video.ini"
MAX_INI_BYTES = 2**16
FAR_LONGER_S = 30 * 60
NOTED_S = 1
_TAG = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)", re.ASCII)


@dataclass(frozen=True)
class Video:
    """The video of one half.

    Args:
        path: the file.
        width: pixels, as stored.
        height: pixels, as stored.
        duration_s: of the half; without `video.ini`, from the first picture of the file to the end of the last.
        fps: on average.
        start_s: where in the file the half begins.
        notes: what is unusual, a clause each.
        stop_s: where the half ends, counted from its start; None at the end of the file.
    """

    path: Path
    width: int
    height: int
    duration_s: float
    fps: float
    start_s: float = 0.0
    notes: tuple[str, ...] = ()
    stop_s: float | None = None


def half_video(folder: Path, half: int) -> Path:
    """The video of one half, the first of `videos_of`.

    Raises:
        InputError: none there.
    """
    for path in videos_of(folder, half):
        return path
    raise InputError(folder, f"no video of half {half}", f"put {half}_224p.mkv there, or leave the game out")


def videos_of(folder: Path, half: int) -> list[Path]:
    """`{half}_224p.mkv`, `{half}.mkv`, then other files `{half}.*` and `{half}_*` by name, of those that exist."""
    first = [folder / f"{half}_224p.mkv", folder / f"{half}.mkv"]
    others = [path for pattern in (f"{half}.*", f"{half}_*") for path in folder.glob(pattern)]
    wanted = (*first, *sorted(path for path in others if path.suffix.lower() in CONTAINERS))
    return [path for path in wanted if path.is_file()]


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
        whole = Video(path, source.stream.width, source.stream.height, duration_s, fps, notes=notes)
    return _stretch(whole, path.with_name(INI))


def check_duration(video: Video, labels: Events, half: int) -> str | None:
    """What speaks against a video being that of its labels, in one line.

    Args:
        video: of one half.
        labels: of its game.
        half: 1 or 2.

    Returns:
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


def _stretch(video: Video, ini: Path) -> Video:
    """The stretch of a file that is the half."""
    found = _section(video.path, ini) if ini.is_file() else None
    if found is None:
        return video
    section, start_s, stated_s = found
    left_s = video.duration_s - start_s
    if left_s <= 0:
        problem = f"[{section}] start_time_second = {start_s:g}, but the video lasts {video.duration_s:.1f} s"
        raise InputError(ini, problem, "correct the section, or remove it if the file begins with the half")
    duration_s = min(left_s, left_s if stated_s is None else stated_s)
    notes = [*video.notes, f"{INI}: the half is seconds {start_s:g} to {start_s + duration_s:g} of the file"]
    if stated_s is not None and stated_s > left_s + NOTED_S:
        notes.append(f"{INI} says that it lasts {stated_s:g} s, but the file ends there")
    return replace(video, start_s=start_s, duration_s=duration_s, stop_s=duration_s, notes=tuple(notes))


def _section(path: Path, ini: Path) -> tuple[str, float, float | None] | None:
    """The section of a file: its name, start and duration."""
    remedy = "write a section [1_HQ.mkv] with start_time_second and duration_second, or remove the file"
    parser = ConfigParser(interpolation=None)
    try:
        with ini.open("rb") as stream:
            parser.read_string(stream.read(MAX_INI_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, IniError) as error:
        raise InputError(ini, f"cannot be read ({str(error).splitlines()[0]})", remedy) from None
    names = [path.name, *(name for name in parser.sections() if Path(name).stem == path.stem)]
    section = next((name for name in names if parser.has_section(name)), None)
    if section is None:
        return None
    values: list[float | None] = []
    for key, least in (("start_time_second", 0.0), ("duration_second", 1e-3)):
        text = parser.get(section, key, fallback=None)
        try:
            value = None if text is None else float(text)
        except ValueError:
            value = math.nan
        if value is not None and not least <= value < math.inf:
            raise InputError(ini, f"[{section}] {key} = {str(text)[:40]}: no number of seconds", remedy)
        values.append(value)
    return section, values[0] or 0.0, values[1]
