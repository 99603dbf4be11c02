"""Which file is the video of a half, and which stretch of the file is the half.

SoccerNet's videos in high definition are whole recordings. `video.ini` in the folder of a game says where each half is:

    [1_HQ.mkv]
    start_time_second = 20
    duration_second = 2700

Labels count from there, and so do rows, snippets, pages and clips. A section counts for the file of that name, whatever
its suffix; files without a section begin with the half.
"""

from __future__ import annotations

import math
import os
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from soccerbench.errors import InputError

CONTAINERS = (".mkv", ".mp4", ".webm", ".mov", ".m4v", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv")
INI = "video.ini"
MAX_INI_BYTES = 2**16


class Stretch(NamedTuple):
    """The part of a file that is a half, seconds from the first picture; no duration: to the end of the file."""

    path: Path  # named as the section of `video.ini` names it
    start_s: float
    duration_s: float | None


def half_video(folder: Path, half: int) -> Path:
    """The video of one half, the first of `videos_of`."""
    for path in videos_of(folder, half):
        return path
    raise InputError(folder, f"no video of half {half}", f"put {half}_224p.mkv there, or leave the game out")


def videos_of(folder: Path, half: int) -> list[Path]:
    """`{half}_224p.mkv`, `{half}.mkv`, then other files `{half}.*` and `{half}_*` by name, of those that exist."""
    first = [folder / f"{half}_224p.mkv", folder / f"{half}.mkv"]
    others = [path for pattern in (f"{half}.*", f"{half}_*") for path in folder.glob(pattern)]
    wanted = (*first, *sorted(path for path in others if path.suffix.lower() in CONTAINERS))
    return [path for path in wanted if path.is_file()]


def stretch_of(path: Path) -> Stretch | None:
    """Where in a file the half is; None without a section for it."""
    ini = path.with_name(INI)
    if not ini.is_file():
        return None
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
    return Stretch(path.with_name(section), values[0] or 0.0, values[1])


def start_s(path: Path) -> float:
    """Second of a file at which its half begins."""
    stretch = stretch_of(path)
    return 0.0 if stretch is None else stretch.start_s


def address(path: Path, page: Path) -> str:
    """A video as a page in the folder `page` names it, relative; `#t=20.000` where its half begins at 20 s."""
    relative, begin_s = Path(os.path.relpath(path.resolve(), page.resolve())), start_s(path)
    return quote(relative.as_posix()) + (f"#t={begin_s:.3f}" if begin_s else "")
